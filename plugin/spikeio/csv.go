package spikeio

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"understudy/plugin/population"
)

// readCSV reads t_ms,channel[,weight] lines; path is only its name in errors.
func readCSV(path string, r io.Reader) (*Events, error) {
	c := csv.NewReader(r)
	c.ReuseRecord = true
	c.TrimLeadingSpace = true
	head, err := c.Read()
	if err != nil {
		return nil, csvError(path, err)
	}
	for i := range head {
		head[i] = strings.TrimSpace(head[i])
	}
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	weighted := slices.Equal(head, []string{"t_ms", "channel", "weight"})
	if !weighted && !slices.Equal(head, []string{"t_ms", "channel"}) {
		return nil, fmt.Errorf("%s:1: %w: header %.60q, expected t_ms,channel[,weight] (or an .npz archive)", path, population.ErrFormat, strings.Join(head, ","))
	}
	var e Events
	for {
		row, err := c.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, csvError(path, err)
		}
		line, _ := c.FieldPos(0)
		t, w := 0.0, 1.0
		var ch int64
		if t, err = strconv.ParseFloat(strings.TrimSpace(row[0]), 64); err != nil {
			return nil, fmt.Errorf("%s:%d: %w: time %.40q is not a number", path, line, population.ErrFormat, row[0])
		}
		if ch, err = strconv.ParseInt(strings.TrimSpace(row[1]), 10, 32); err != nil {
			return nil, fmt.Errorf("%s:%d: %w: channel %.40q is not a whole number of 32 bits", path, line, population.ErrFormat, row[1])
		}
		if weighted {
			if w, err = strconv.ParseFloat(strings.TrimSpace(row[2]), 32); err != nil {
				return nil, fmt.Errorf("%s:%d: %w: weight %.40q is not a 32-bit number", path, line, population.ErrFormat, row[2])
			}
			e.Weight = append(e.Weight, float32(w))
		}
		if err := checkEvent(t, float64(ch), w); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, line, err)
		}
		if len(e.TimeMS) == MaxEntries {
			return nil, fmt.Errorf("%s:%d: %w: more than %d events", path, line, population.ErrLimit, MaxEntries)
		}
		e.TimeMS = append(e.TimeMS, t)
		e.Channel = append(e.Channel, int32(ch))
	}
	if err := e.finish(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &e, nil
}

func csvError(path string, err error) error {
	var p *csv.ParseError
	switch {
	case errors.As(err, &p):
		return fmt.Errorf("%s:%d: %w: %v", path, p.Line, population.ErrFormat, p.Err)
	case err == io.EOF:
		return fmt.Errorf("%s: %w: empty file", path, population.ErrFormat)
	}
	return fmt.Errorf("%s: %w", path, err)
}
