package main

import (
	"strings"
	"testing"
	"time"
)

// Time left counts what this run made, not what it found.
func TestProgressTellsTimeLeft(t *testing.T) {
	for _, c := range []struct {
		found, done, total int
		want               string
	}{
		{0, 0, 100, "trials: 0 of 100\n"},
		{50, 50, 100, "trials: 50 of 100\n"}, // nothing made yet: unknown
		{50, 60, 100, "trials: 60 of 100, 40s left\n"},
		{0, 10, 100, "trials: 10 of 100, 1m30s left\n"},
		{0, 100, 100, "trials: 100 of 100\n"},
	} {
		var w strings.Builder
		bar := newProgressBar(&w)
		bar.start = bar.start.Add(-10 * time.Second)
		bar.last = bar.start
		bar.show("trials", c.found, c.done, c.total)
		bar.show("trials", c.found, c.done, c.total) // within ten seconds: not again
		bar.end()
		if w.String() != c.want {
			t.Errorf("%q, want %q", w.String(), c.want)
		}
	}
}
