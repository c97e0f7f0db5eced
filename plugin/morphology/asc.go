package morphology

import (
	"bufio"
	"io"
	"math"
)

// ParseASC reads a Neurolucida text file (version 3). name is used in errors
// and becomes the name of the morphology. Sections are those of NEURON's
// Import3d_Neurolucida3: the outlines called CellBody, Cell Body or Soma become
// soma[0], every tree starts on soma[0](0.5) with its own first point, every
// branch starts at its parent's last point, which is put in front of its own
// points where it differs. Other outlines, markers, spines and texts are
// skipped. Errors wrap population.ErrFormat or ErrLimit and name the line.
func ParseASC(name string, r io.Reader) (*Morphology, error) {
	p := &ascParser{lex: &ascLexer{name: name, r: bufio.NewReaderSize(r, 1<<16), line: 1}}
	if err := p.objects(0); err != nil {
		return nil, err
	}
	if t, err := p.lex.next(); err != nil {
		return nil, err
	} else if t.kind != tokEOF {
		return nil, p.errorAt(t, "%v closes or separates nothing: unbalanced parentheses", t)
	}
	drafts, err := p.joinSoma()
	if err != nil {
		return nil, err
	}
	return assemble(name, drafts)
}

type ascParser struct {
	lex      *ascLexer
	outlines []*draft // of the soma
	branches []*draft // parents before children
	points   int
}

func (p *ascParser) errorAt(t token, format string, args ...any) error {
	return formatErr(p.lex.name, t.line, format, args...)
}

func (p *ascParser) deep(t token, depth int) error {
	if depth > MaxDepth {
		return limitErr(p.lex.name, t.line, "nested more than %d deep", MaxDepth)
	}
	return nil
}

// objects reads the items of the file, or of a set, up to what is no item.
func (p *ascParser) objects(depth int) error {
	for {
		open, err := p.lex.next()
		if err != nil {
			return err
		}
		if err := p.deep(open, depth); err != nil {
			return err
		}
		switch open.kind {
		case tokOpen:
		case tokEOF, tokClose:
			p.lex.push(open)
			return nil
		default:
			return p.errorAt(open, "found %v, expected '('", open)
		}
		t, err := p.lex.next()
		if err != nil {
			return err
		}
		switch {
		case t.kind == tokString:
			err = p.outline(open, t.text)
		case t.kind == tokLabel && isSet(t.text):
			err = p.set(open, depth)
		case t.kind == tokLabel:
			err = p.skip(open)
		case t.kind == tokOpen:
			p.lex.push(t)
			err = p.tree(open)
		default:
			err = p.errorAt(t, "found %v, expected an outline, a tree, a marker or a property", t)
		}
		if err != nil {
			return err
		}
	}
}

func (p *ascParser) set(open token, depth int) error {
	if t, err := p.lex.next(); err != nil {
		return err
	} else if t.kind != tokString {
		return p.errorAt(t, "found %v, expected the name of the set", t)
	}
	if err := p.objects(depth + 1); err != nil {
		return err
	}
	return p.closing(open)
}

// closing takes the parenthesis that belongs to open.
func (p *ascParser) closing(open token) error {
	t, err := p.lex.next()
	if err != nil {
		return err
	}
	if t.kind != tokClose {
		return p.errorAt(t, "found %v, expected ')' for the '(' of line %d", t, open.line)
	}
	return nil
}

// skip passes over the rest of a list whose '(' has been read.
func (p *ascParser) skip(open token) error {
	for depth := 1; depth > 0; {
		t, err := p.lex.next()
		if err != nil {
			return err
		}
		switch t.kind {
		case tokOpen:
			depth++
		case tokClose:
			depth--
		case tokEOF:
			return p.errorAt(t, "the file ends inside the '(' of line %d", open.line)
		}
	}
	return nil
}

// skipSpine passes over a spine, < ... >.
func (p *ascParser) skipSpine(open token) error {
	for {
		t, err := p.lex.next()
		if err != nil {
			return err
		}
		switch t.kind {
		case tokSpineClose:
			return nil
		case tokEOF:
			return p.errorAt(t, "the file ends inside the '<' of line %d", open.line)
		}
	}
}

// outline reads a contour; those of the soma are kept.
func (p *ascParser) outline(open token, name string) error {
	if name != "CellBody" && name != "Cell Body" && name != "Soma" {
		return p.skip(open)
	}
	d := &draft{line: open.line, region: Soma, contour: true}
	for {
		t, err := p.lex.next()
		if err != nil {
			return err
		}
		switch t.kind {
		case tokClose:
			// NEURON ignores outlines that enclose nothing.
			if len(d.points) > 2 {
				p.outlines = append(p.outlines, d)
			}
			return nil
		case tokOpen:
			n, err := p.lex.peek()
			if err != nil {
				return err
			}
			if n.kind != tokNumber {
				err = p.skip(t)
			} else {
				err = p.point(t, d)
			}
			if err != nil {
				return err
			}
		default:
			return p.errorAt(t, "found %v in the outline of line %d, expected a point or ')'", t, open.line)
		}
	}
}

// tree reads a neurite, or a text, from its first inner list on.
func (p *ascParser) tree(open token) error {
	kind := ""
	for {
		t, err := p.lex.next()
		if err != nil {
			return err
		}
		if t.kind != tokOpen {
			return p.errorAt(t, "found %v in the tree of line %d, expected a point or a property", t, open.line)
		}
		n, err := p.lex.peek()
		if err != nil {
			return err
		}
		if n.kind == tokNumber {
			p.lex.push(t)
			break
		}
		if n.kind != tokLabel {
			return p.errorAt(n, "found %v, expected a point or a property", n)
		}
		if !isSet(n.text) {
			kind = n.text // the last property is the type of the tree
		}
		if err := p.skip(t); err != nil {
			return err
		}
	}
	d := &draft{line: open.line, parentX: 0.5, wire: true}
	switch kind {
	case "Axon":
		d.region = Axon
	case "Dendrite":
		d.region = Basal
	case "Apical":
		d.region = Apical
	default:
		return p.untyped(open, kind)
	}
	d.points = make([]Point, 1, 16) // the place on the soma; no part of the cable
	if err := p.branch(open, d, 0); err != nil {
		return err
	}
	return p.closing(open)
}

func isSet(label string) bool { return label == "Set" || label == "set" || label == "SET" }

// untyped passes over a text, properties then a point then a string, and
// refuses a tree of unknown type.
func (p *ascParser) untyped(open token, kind string) error {
	t, err := p.lex.next() // '(' of the point
	if err != nil {
		return err
	}
	if err := p.skip(t); err != nil {
		return err
	}
	if t, err = p.lex.next(); err != nil {
		return err
	}
	if t.kind == tokString {
		return p.closing(open)
	}
	return p.errorAt(open, "tree of type %q, expected Axon, Dendrite or Apical", kind)
}

// branch reads the points of d, up to the ')' or '|' that ends it, and the
// branches that follow from it.
func (p *ascParser) branch(open token, d *draft, depth int) error {
	if err := p.deep(open, depth); err != nil {
		return err
	}
	p.branches = append(p.branches, d)
	first := len(d.points)
	split := false
	for {
		t, err := p.lex.next()
		if err != nil {
			return err
		}
		switch t.kind {
		case tokClose, tokBar:
			if len(d.points) == first {
				return p.errorAt(t, "branch without points")
			}
			p.lex.push(t)
			return nil
		case tokLabel: // how the branch ends: Normal, Incomplete, Generated ...
		case tokSpineOpen:
			if err := p.skipSpine(t); err != nil {
				return err
			}
		case tokOpen:
			n, err := p.lex.peek()
			if err != nil {
				return err
			}
			switch {
			case n.kind == tokNumber && split:
				err = p.errorAt(t, "point after the end of its branch")
			case n.kind == tokNumber:
				if d.parent != nil && len(d.points) == 0 {
					err = p.firstPoint(t, d)
				} else {
					err = p.treePoint(t, d)
				}
			case n.kind == tokOpen && len(d.points) == first:
				err = p.errorAt(t, "branch without points")
			case n.kind == tokOpen:
				split = true
				err = p.split(t, d, depth)
			case n.kind == tokLabel:
				err = p.skip(t)
			default:
				err = p.errorAt(n, "found %v, expected a point, a branch or a marker", n)
			}
			if err != nil {
				return err
			}
		case tokEOF:
			return p.errorAt(t, "the file ends inside the '(' of line %d", open.line)
		default:
			return p.errorAt(t, "found %v in a branch, expected a point", t)
		}
	}
}

// split reads the branches that grow from the end of parent, between ( and ).
func (p *ascParser) split(open token, parent *draft, depth int) error {
	for {
		t, err := p.lex.peek()
		if err != nil {
			return err
		}
		d := &draft{line: t.line, region: parent.region, parent: parent, parentX: 1}
		if err := p.branch(open, d, depth+1); err != nil {
			return err
		}
		if t, err = p.lex.next(); err != nil {
			return err
		}
		if t.kind == tokClose {
			return nil
		}
	}
}

// firstPoint reads the first point of a branch, and puts the end of the parent
// before it, with the diameter of that point, if that is another place.
func (p *ascParser) firstPoint(open token, d *draft) error {
	if err := p.treePoint(open, d); err != nil {
		return err
	}
	end, own := d.parent.points[len(d.parent.points)-1], d.points[0]
	if !samePlace(end, own) {
		end.Diam = own.Diam
		d.points = []Point{end, own}
	}
	return nil
}

func (p *ascParser) treePoint(open token, d *draft) error {
	if err := p.point(open, d); err != nil {
		return err
	}
	return checkDiam(p.lex.name, open.line, d.points[len(d.points)-1].Diam)
}

// point reads x y [z [diameter]] and what else is in the list.
func (p *ascParser) point(open token, d *draft) error {
	if p.points++; p.points > MaxPoints {
		return limitErr(p.lex.name, open.line, "more than %d points", MaxPoints)
	}
	var v [4]float64
	for i := range v {
		t, err := p.lex.next()
		if err != nil {
			return err
		}
		if t.kind != tokNumber {
			if i < 2 {
				return p.errorAt(t, "found %v, expected coordinate %c of a point", t, "xy"[i])
			}
			p.lex.push(t)
			break
		}
		v[i] = t.num
	}
	pt := Point{v[0], v[1], v[2], v[3]}
	if err := checkCoords(p.lex.name, open.line, pt); err != nil {
		return err
	}
	d.points = append(d.points, pt)
	for { // name of the section of the slide, Bezier control points
		t, err := p.lex.next()
		if err != nil {
			return err
		}
		switch t.kind {
		case tokClose:
			return nil
		case tokLabel, tokString:
		case tokOpen:
			if err := p.skip(t); err != nil {
				return err
			}
		default:
			return p.errorAt(t, "found %v in a point, expected ')'", t)
		}
	}
}

// joinSoma makes one soma of all outlines, each of which must overlap the one
// before it as seen along z, and puts all trees on it.
func (p *ascParser) joinSoma() ([]*draft, error) {
	if len(p.outlines) == 0 {
		return nil, formatErr(p.lex.name, p.lex.line, "no soma: no outline of three or more points called CellBody, Cell Body or Soma")
	}
	soma := p.outlines[0]
	for i, d := range p.outlines[1:] {
		if before := p.outlines[i]; !overlap(before.points, d.points) {
			return nil, formatErr(p.lex.name, d.line, "second soma: its outline lies apart from that of line %d", before.line)
		}
		soma.stack = append(soma.stack, d)
	}
	drafts := append(make([]*draft, 0, len(p.branches)+1), soma)
	for _, d := range p.branches {
		if d.parent == nil {
			d.parent = soma
		}
		drafts = append(drafts, d)
	}
	return drafts, nil
}

// overlap tells whether the bounding boxes of a and b meet in x and y.
func overlap(a, b []Point) bool {
	alo, ahi := bounds(a)
	blo, bhi := bounds(b)
	return alo.X <= bhi.X && blo.X <= ahi.X && alo.Y <= bhi.Y && blo.Y <= ahi.Y
}

func bounds(points []Point) (lo, hi Point) {
	lo, hi = points[0], points[0]
	for _, p := range points[1:] {
		lo.X, hi.X = math.Min(lo.X, p.X), math.Max(hi.X, p.X)
		lo.Y, hi.Y = math.Min(lo.Y, p.Y), math.Max(hi.Y, p.Y)
	}
	return lo, hi
}
