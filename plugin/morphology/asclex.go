package morphology

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokOpen
	tokClose
	tokBar
	tokSpineOpen
	tokSpineClose
	tokNumber
	tokString
	tokLabel
)

type token struct {
	kind tokenKind
	line int
	num  float64
	text string
}

func (t token) String() string {
	switch t.kind {
	case tokEOF:
		return "the end of the file"
	case tokNumber:
		return "number " + t.text
	case tokString:
		return "string " + strconv.Quote(t.text)
	case tokLabel:
		return "word " + strconv.Quote(t.text)
	}
	return "'" + t.text + "'"
}

// ascLexer splits a Neurolucida file into tokens. Commas separate like blanks,
// comments run from a semicolon to the end of the line.
type ascLexer struct {
	name  string
	r     *bufio.Reader
	line  int
	ahead []token // tokens put back, last one next
	word  []byte
}

func (x *ascLexer) push(t token) { x.ahead = append(x.ahead, t) }

// peek returns the next token without taking it.
func (x *ascLexer) peek() (token, error) {
	t, err := x.next()
	if err == nil {
		x.push(t)
	}
	return t, err
}

func (x *ascLexer) next() (token, error) {
	if n := len(x.ahead); n > 0 {
		t := x.ahead[n-1]
		x.ahead = x.ahead[:n-1]
		return t, nil
	}
	for {
		c, err := x.r.ReadByte()
		if err != nil {
			return x.end(err)
		}
		single := tokEOF
		switch c {
		case '\n':
			x.line++
			continue
		case ' ', '\t', '\r', ',', '\v', '\f':
			continue
		case ';':
			if err := x.comment(); err != nil {
				return x.end(err)
			}
			continue
		case '"':
			return x.quoted()
		case '(':
			single = tokOpen
		case ')':
			single = tokClose
		case '|':
			single = tokBar
		case '<':
			single = tokSpineOpen
		case '>':
			single = tokSpineClose
		default:
			return x.bare(c)
		}
		return token{kind: single, line: x.line, text: string(c)}, nil
	}
}

// end turns a read error into the last token or into an error with its place.
func (x *ascLexer) end(err error) (token, error) {
	if errors.Is(err, io.EOF) {
		return token{kind: tokEOF, line: x.line}, nil
	}
	return token{}, fmt.Errorf("%s:%d: %w", x.name, x.line, err)
}

func (x *ascLexer) comment() error {
	for {
		c, err := x.r.ReadByte()
		if err != nil {
			return err
		}
		if c == '\n' {
			x.line++
			return nil
		}
	}
}

func (x *ascLexer) quoted() (token, error) {
	x.word = x.word[:0]
	for {
		c, err := x.r.ReadByte()
		if err != nil && !errors.Is(err, io.EOF) {
			return x.end(err)
		}
		switch {
		case err != nil || c == '\n':
			return token{}, formatErr(x.name, x.line, "string without closing quote")
		case c == '"':
			return token{kind: tokString, line: x.line, text: string(x.word)}, nil
		case len(x.word) == maxToken:
			return token{}, limitErr(x.name, x.line, "string longer than %d bytes", maxToken)
		}
		x.word = append(x.word, c)
	}
}

func (x *ascLexer) bare(c byte) (token, error) {
	x.word = append(x.word[:0], c)
	for {
		c, err := x.r.ReadByte()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return x.end(err)
			}
			break
		}
		if strings.IndexByte(" \t\r\n\v\f,;\"()|<>", c) >= 0 {
			if err := x.r.UnreadByte(); err != nil {
				return x.end(err)
			}
			break
		}
		if len(x.word) == maxToken {
			return token{}, limitErr(x.name, x.line, "word longer than %d bytes", maxToken)
		}
		x.word = append(x.word, c)
	}
	t := token{kind: tokLabel, line: x.line, text: string(x.word)}
	if strings.IndexByte("+-.0123456789", x.word[0]) >= 0 {
		// A value out of range comes back infinite and is refused where it is used.
		if v, err := strconv.ParseFloat(t.text, 64); err == nil || errors.Is(err, strconv.ErrRange) {
			t.kind, t.num = tokNumber, v
		}
	}
	return t, nil
}
