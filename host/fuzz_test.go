package host_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"understudy/host"
	"understudy/plugin/abi"
	"understudy/plugin/population"
)

// script is a fake guest made of bytes: for one verb after another a deed, four bytes of result, the lengths of
// what it copies out, and that. Bytes that are lacking are as in an honest guest.
func script(b []byte) fake {
	f := honest()
	next := func(n int) []byte {
		n = min(n, len(b))
		var part []byte
		part, b = b[:n], b[n:]
		return part
	}
	for _, e := range host.Verbs {
		name := e.Name[len("us_"):]
		head := next(7)
		if len(head) < 7 {
			break
		}
		if head[0]&0x80 != 0 { // stays honest
			continue
		}
		v := verb{deed: head[0] % numDeeds, result: uint32(head[1]) | uint32(head[2])<<8 | uint32(head[3])<<16 | uint32(head[4])<<24}
		v.out, v.text = next(int(head[5])), next(int(head[6]))
		f[name] = v
	}
	return f
}

// FuzzCalls lets a guest answer anything to everything that a host does with a population.
func FuzzCalls(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(bytes.Repeat([]byte{0x80, 0, 0, 0, 0, 0, 0}, len(host.Verbs)))
	for deed := range byte(numDeeds) {
		for verb := range host.Verbs { // all others are honest
			b := bytes.Repeat([]byte{0x80, 0, 0, 0, 0, 0, 0}, verb)
			if deed != loops && deed != recurs || verb%8 == 0 { // these take their time
				f.Add(append(b, deed, 0xff, 0xff, 0xff, 0xff, 2, 2, 0xff, 0xff, 0xff, 0xff))
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 8192 {
			return
		}
		defer time.AfterFunc(time.Minute, func() { panic("the guest hangs") }).Stop()
		err := open(script(b), 20*time.Millisecond, func(p *host.Population) error {
			var all []error
			for _, use := range []func(*host.Population) error{step, heads, save, load, numbers, asks, reset, step} {
				err := use(p)
				if err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
					t.Errorf("%q has more than a line", err)
				}
				all = append(all, err)
			}
			if n := p.Info().N; n != 2 {
				t.Errorf("%d neurons", n)
			}
			return errors.Join(all...)
		})
		categories := []error{nil, population.ErrInput, population.ErrFormat, population.ErrClosed, population.ErrState, population.ErrLimit, population.ErrKernel}
		for _, category := range categories {
			if errors.Is(err, category) {
				return
			}
		}
		var status *abi.Error // the guest says that it has a defect, or cannot read a file
		if !errors.As(err, &status) || status.Status != abi.ErrInternal && status.Status != abi.ErrIO {
			t.Errorf("an error of no category: %v", err)
		}
	})
}
