package detailed

import (
	"math"
	"slices"

	"understudy/native/cable"
	"understudy/plugin/mechanism"
)

// program is a cell compiled for blocks of width cells side by side. It is shared by
// blocks and never changes; offsets are into their state, which has the cell innermost: [segment][width].
//
// Units inside: mV, ms, nA, uS; capacitance over dt in uS. So conductance
// times voltage is current without a factor.
type program struct {
	cell        *Cell
	width       int
	dt          float64
	scheme      Scheme
	stepsPerMS  int
	nseg, nrow  int
	elimination []cable.Branch // children before parents, the root last
	constant    cable.Constant // [row]
	zeroArea    *cable.Constant
	groups      []group
	tiles       []tile
	synapses    []synapseArray
	contacts    [][]contact // by channel
	nernst      []float64   // calcium reversal
	// Lengths of block.gates and block.syn.
	gateStates, synapseStates int
}

// group is a run of segments with the same mechanisms.
type group struct {
	lo, hi   int // segments
	gates    []gate
	relaxed  []relaxation // the same gates, as they are advanced with tables
	currents []cable.Current
	gbar     []float64    // maximal conductances [uS], [current][segment of group]
	pool     *cable.Shell // nil for none
	calcium  bool         // needs cai
}

type gate struct {
	mechanism.Gate
	key   gateKey
	state int // offset into block.gates
}

func (g gate) onCa() bool { return g.On == mechanism.OnCalcium }

// relaxation is a gate, or four voltage gates one after the other.
type relaxation struct {
	table []float64 // inf, fac
	state int
	onCa  bool
	four  bool
}

// synapseArray is one kind of synapse.
type synapseArray struct {
	syn       *mechanism.Synapse
	rows      int     // segments that have it
	row       []int32 // by segment, -1 for none
	constants cable.Synapse
	// normA and normB are what an event of weight 1 adds to A and B.
	normA, normB float64
	state        int // offset into block.syn of A; B follows at +rows*width
}

// tile is a stretch of a group's segments that are advanced and whose equations are set up at one
// go: few enough for much of their state to stay in the first-level cache meanwhile.
type tile struct {
	group    *group
	lo, hi   int // segments
	constant *cable.Constant
	shell    *cable.Shell // nil for none
	synapses []stretch
}

// stretch is segments lo to hi-1 with the same kinds of synapse.
type stretch struct {
	lo, hi int
	list   []cable.Synapse
	kinds  []*mechanism.Synapse // of the list
}

// tileElements is the number of segments of a tile times the cells of a block.
const tileElements = 512

type contact struct{ array, row int32 }

type gateKey struct {
	mechanism *mechanism.Mechanism
	gate      int
}

// compiler shares tables between the programs of one population.
type compiler struct {
	cell   *Cell
	dt     float64
	scheme Scheme
	gates  map[gateKey][]float64
	fours  map[[4]gateKey][]float64
	blocks map[*mechanism.Synapse][]float64
	nernst []float64
}

func newCompiler(c *Cell, dt float64, scheme Scheme) *compiler {
	return &compiler{cell: c, dt: dt, scheme: scheme, gates: map[gateKey][]float64{}, fours: map[[4]gateKey][]float64{},
		blocks: map[*mechanism.Synapse][]float64{}, nernst: nernstTable(c)}
}

// relax lays out how gates advance: voltage gates in fours as far as they go.
func (k *compiler) relax(gates []gate) []relaxation {
	var all []relaxation
	for len(gates) > 0 {
		n := slices.IndexFunc(gates, gate.onCa)
		if n < 0 {
			n = len(gates)
		}
		for ; n >= 4; n -= 4 {
			all = append(all, relaxation{table: k.fourTable([4]gate(gates)), state: gates[0].state, four: true})
			gates = gates[4:]
		}
		for ; len(gates) > 0 && n >= 0; n-- { // the rest of the voltage gates and the calcium gate behind them
			all = append(all, relaxation{table: k.gateTable(gates[0]), state: gates[0].state, onCa: gates[0].onCa()})
			gates = gates[1:]
		}
	}
	return all
}

func (k *compiler) gateTable(g gate) []float64 {
	t, ok := k.gates[g.key]
	if !ok {
		if g.onCa() {
			t = calciumTable(g.Gate, k.dt)
		} else {
			t = voltageTable(g.Gate, k.dt)
		}
		k.gates[g.key] = t
	}
	return t
}

func (k *compiler) fourTable(g [4]gate) []float64 {
	key := [4]gateKey{g[0].key, g[1].key, g[2].key, g[3].key}
	t, ok := k.fours[key]
	if !ok {
		t = fourTable([4]mechanism.Gate{g[0].Gate, g[1].Gate, g[2].Gate, g[3].Gate}, k.dt)
		k.fours[key] = t
	}
	return t
}

// compile builds the program for blocks of width cells.
func (k *compiler) compile(width int) (*program, error) {
	c := k.cell
	p := &program{cell: c, width: width, dt: k.dt, scheme: k.scheme, stepsPerMS: int(math.Round(1 / k.dt)), nseg: len(c.Segments), nrow: len(c.Nodes), nernst: k.nernst}
	p.cable()
	if err := k.membrane(p); err != nil {
		return nil, err
	}
	k.synapses(p)
	p.tile()
	return p, nil
}

// cable fills the constant part of the matrix: rows 0..nseg-1 are the segments,
// the zero-area nodes follow.
func (p *program) cable() {
	c := p.cell
	p.constant = cable.Constant{D: make([]float64, p.nrow), Rhs: make([]float64, p.nrow), Cdt: make([]float64, p.nrow)}
	p.zeroArea = p.constant.Part(p.nseg, p.nrow)
	row := make([]int32, p.nrow)
	extra := int32(p.nseg)
	for i, nd := range c.Nodes {
		if nd.Segment >= 0 {
			row[i] = int32(nd.Segment)
		} else {
			row[i] = extra
			extra++
		}
	}
	for _, i := range c.deepestFirst() {
		nd := c.Nodes[i]
		if i == 0 {
			p.elimination = append(p.elimination, cable.Branch{Row: row[0], Parent: -1})
			break
		}
		b := cable.Branch{Row: row[i], Parent: row[nd.Parent], G: 1 / (nd.Resistance * c.axial(i))}
		p.constant.D[b.Row] += b.G
		p.constant.D[b.Parent] += b.G
		p.elimination = append(p.elimination, b)
	}
	implicit := p.dt
	if p.scheme == CrankNicolson {
		implicit /= 2
	}
	for s := range p.nseg {
		p.constant.Cdt[s] = c.Segments[s].Cm * c.Area[s] * 1e-5 / implicit
		p.constant.D[s] += p.constant.Cdt[s]
	}
}

// deepestFirst orders nodes by their distance from the root in nodes, so that
// neighbours in the order rarely wait for one another's result. The root is last.
func (c *Cell) deepestFirst() []int {
	depth := make([]int, len(c.Nodes))
	order := make([]int, len(c.Nodes))
	for i, nd := range c.Nodes {
		order[i] = i
		if i > 0 {
			depth[i] = depth[nd.Parent] + 1
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return depth[b] - depth[a] })
	return order
}

// axial is the resistivity [ohm cm] between node i and its parent: that of the
// node's own section, found through the nearest segment below or above.
func (c *Cell) axial(i int) float64 {
	for j := i; j >= 0; j = c.Nodes[j].Parent {
		if s := c.Nodes[j].Segment; s >= 0 {
			return c.Segments[s].Ra
		}
	}
	return c.Segments[c.Soma].Ra
}

// synapses lays out one array per kind of synapse and the contacts of channels.
func (k *compiler) synapses(p *program) {
	index := map[*mechanism.Synapse]int{}
	for _, contacts := range k.cell.Channels {
		for _, ct := range contacts {
			a, ok := index[ct.Synapse]
			if !ok {
				a = len(p.synapses)
				index[ct.Synapse] = a
				s := ct.Synapse
				arr := synapseArray{syn: s, normA: s.Norm(), normB: s.Norm(), constants: cable.Synapse{
					Gmax: s.GMax * 1e-3, E: s.E, Secant: secant, DecA: math.Exp(-k.dt / s.TauRise), DecB: math.Exp(-k.dt / s.TauDecay)}}
				if p.scheme == CrankNicolson {
					arr.normA *= math.Exp(-k.dt / 2 / s.TauRise)
					arr.normB *= math.Exp(-k.dt / 2 / s.TauDecay)
				}
				if s.Mg != 0 {
					if k.blocks[s] == nil {
						k.blocks[s] = blockTable(s)
					}
					arr.constants.Table = k.blocks[s]
				}
				arr.row = slices.Repeat([]int32{-1}, p.nseg)
				p.synapses = append(p.synapses, arr)
			}
			if arr := &p.synapses[a]; arr.row[ct.Segment] < 0 {
				arr.row[ct.Segment] = int32(arr.rows)
				arr.rows++
			}
		}
	}
	for a := range p.synapses {
		p.synapses[a].state = p.synapseStates
		p.synapseStates += 2 * p.synapses[a].rows * p.width
	}
	p.contacts = make([][]contact, len(k.cell.Channels))
	for ch, contacts := range k.cell.Channels {
		for _, ct := range contacts {
			a := index[ct.Synapse]
			p.contacts[ch] = append(p.contacts[ch], contact{int32(a), p.synapses[a].row[ct.Segment]})
		}
	}
}

// tile cuts groups into tiles.
func (p *program) tile() {
	for i := range p.groups {
		g := &p.groups[i]
		for lo := g.lo; lo < g.hi; {
			hi := min(lo+tileElements/p.width, g.hi)
			t := tile{group: g, lo: lo, hi: hi, constant: p.constant.Part(lo, hi)}
			if g.pool != nil {
				t.shell = g.pool.Part(lo-g.lo, t.hi-g.lo)
			}
			for s := lo; s < hi; {
				st := p.stretch(s, hi)
				if len(st.list) > 0 {
					t.synapses = append(t.synapses, st)
				}
				s = st.hi
			}
			p.tiles = append(p.tiles, t)
			lo = t.hi
		}
	}
}

// stretch finds the segments from lo on, but before end, that have the kinds of synapse of the
// first and follow one another in all of them.
func (p *program) stretch(lo, end int) stretch {
	st := stretch{lo: lo, hi: lo + 1}
	for j := range p.synapses {
		a := &p.synapses[j]
		if a.row[lo] < 0 {
			continue
		}
		c := a.constants
		c.A = a.state + int(a.row[lo])*p.width
		c.B = c.A + a.rows*p.width
		st.list, st.kinds = append(st.list, c), append(st.kinds, a.syn)
	}
	follows := func(a synapseArray) bool {
		here, next := a.row[st.hi-1], a.row[st.hi]
		return here < 0 && next < 0 || here >= 0 && next == here+1
	}
	for st.hi < end && !slices.ContainsFunc(p.synapses, func(a synapseArray) bool { return !follows(a) }) {
		st.hi++
	}
	return st
}
