package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progressBar says on standard error how far long work is: on a terminal in one
// line that is overwritten, elsewhere in a line every ten seconds.
type progressBar struct {
	w        io.Writer
	terminal bool
	every    time.Duration
	start    time.Time
	last     time.Time
}

func newProgressBar(w io.Writer) *progressBar {
	p := &progressBar{w: w, every: 10 * time.Second, start: time.Now()}
	p.last = p.start
	if isTerminal(w) {
		p.terminal, p.every = true, 200*time.Millisecond
	}
	return p
}

// show reports that done of total are done, of which the first found took no
// time. The last report always appears on a terminal.
func (p *progressBar) show(what string, found, done, total int) {
	now := time.Now()
	if now.Sub(p.last) < p.every && !(p.terminal && done == total) {
		return
	}
	p.last = now
	left := ""
	if done > found && done < total {
		per := now.Sub(p.start) / time.Duration(done-found)
		left = fmt.Sprintf(", %s left", (per * time.Duration(total-done)).Round(time.Second))
	}
	line := fmt.Sprintf("%s: %d of %d%s", what, done, total, left)
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	} else {
		fmt.Fprintln(p.w, line)
	}
}

// end closes the line of a terminal.
func (p *progressBar) end() {
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// isTerminal says whether w is a character device, as a terminal is.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}
