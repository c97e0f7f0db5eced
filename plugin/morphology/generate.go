package morphology

import (
	"math"
	"math/rand/v2"
)

// The knobs of GenerateL5PC. Numbers of tips fix the numbers of sections (every
// branch point has two daughters); lengths and areas are met by scaling what was drawn.
// Distances are path lengths [um] from the soma, diameters [um], areas [um2].
const (
	// Seeds of the trees and of their way through space: see L5PC.md for how they were chosen.
	basalSeed, apicalSeed, shapeSeed = 1517, 1255, 1

	l5SomaLength = 23.2
	l5SomaArea   = 1130.0
	l5SomaPoints = 13
	l5AxonLength = 30.0
	l5AxonDiam   = 1.0
	l5PointStep  = 9.0  // spacing of the 3-D points
	nsegSpacing  = 40.0 // nseg = 1 + 2*int(L/nsegSpacing)

	basalStems    = 8
	basalTips     = 46
	basalTotal    = 5130.0
	basalArea     = 8860.0
	basalFarthest = 280.0
	basalStemMean = 25.0 // mean length of a stem
	basalIntMean  = 23.0 // mean length of an inner section above the stem
	basalTermMean = 88.0 // mean and s.d. of a terminal section, before scaling
	basalTermSD   = 45.0

	obliques       = 9
	obliqueTips    = 32
	obliqueTotal   = 3250.0
	obliqueReach   = 225.0 // farthest oblique tip from the trunk
	obliqueFirst   = 45.0  // obliques leave the trunk from here ...
	obliqueLast    = 380.0 // ... to here
	obliqueIntMean = 27.0
	obliqueTermMu  = 80.0
	obliqueTermSD  = 40.0

	nexusDistance  = 640.0 // main bifurcation
	trunkDiamSoma  = 5.0
	trunkDiamFar   = 2.65
	trunkTaper     = 70.0 // e-fold length of the taper
	tuftTips       = 23
	tuftMainTips   = 14    // tips of the larger of the two tuft trees
	tuftEarly      = 55.0  // the larger one divides once more so soon after the nexus
	tuftBranchFrom = 880.0 // other tuft branches stay single up to about here ...
	tuftBranchSD   = 35.0
	tuftIntMean    = 75.0 // ... and then divide after sections of this mean length
	tuftTipMean    = 1200.0
	tuftTipSD      = 85.0
	tuftTotal      = 3550.0
	apicalFarthest = 1300.0
	apicalArea     = 21000.0

	// A branch that carries n tips has the diameter c*n^p of a tip, a generalised
	// Rall rule (sum of d^(1/p) conserved over a branch point); c follows from the area.
	basalPower   = 0.60
	obliquePower = 0.40
	tuftPower    = 0.32
	// Obliques are thinner than tuft branches with as many tips, by this factor.
	obliqueThin = 0.92
	// Tuft branches thin out on their way to the pia: by this part at the farthest tip.
	tuftThin     = 0.50
	diamJitter   = 0.17
	terminalNear = 1.22 // taper of terminal sections, about their mean
	terminalFar  = 0.70
)

// branch is an unbranched cable before it gets its 3-D shape.
type branch struct {
	parent     int // index of the parent branch, -1: the soma
	tips       int // number of tips beyond its start
	start      float64
	length     float64
	near, far  float64 // diameter at start and end
	kind       branchKind
	pinned     bool // length is fixed, not scaled
	daughter   int  // 0 or 1: which of the parent's two daughters
	stemNumber int
}

type branchKind uint8

const (
	basalBranch branchKind = iota
	trunkBranch
	obliqueBranch
	tuftBranch
)

func (b *branch) end() float64   { return b.start + b.length }
func (b *branch) terminal() bool { return b.tips == 1 && b.kind != trunkBranch }

// GenerateL5PC makes the morphology of the built-in cell l5pc, a thick-tufted
// layer-5b pyramidal neuron. It is not a reconstruction: topology, lengths,
// diameters and directions are drawn from a few distributions whose parameters are
// the constants at the top of this file, by a generator with a fixed seed.
// All coordinates and diameters are rounded to 0.01 um, so that every architecture
// gives the same bits.
//
// The statistics are those of the cell of Hay, Hill, Schuermann, Markram and Segev 2011
// (PLoS Comput Biol 7:e1002107), for which the channel densities were fitted: numbers of
// sections and tips, total lengths, areas, mean lengths by branch order. The rules (few trees
// rich in tips, long terminal sections, diameters that follow the number of tips) are
// those found for such cells by Larkman 1991 (J Comp Neurol 306:307-319 and
// 306:320-331). L5PC.md lists targets and results.
func GenerateL5PC() *Morphology {
	m := &Morphology{Name: "l5pc"}
	m.Sections = append(m.Sections, somaSection())
	m.Sections = append(m.Sections, axonSections()...)
	basal := basalTree(newDraws(basalSeed, 1))
	apical := apicalTree(newDraws(apicalSeed, 2))
	m.Sections = append(m.Sections, shape(basal, Basal, len(m.Sections), newDraws(shapeSeed, 3))...)
	m.Sections = append(m.Sections, shape(apical, Apical, len(m.Sections), newDraws(shapeSeed, 4))...)
	for i := range m.Sections {
		s := &m.Sections[i]
		for j := range s.Points {
			p := &s.Points[j]
			p.X, p.Y, p.Z, p.Diam = centi(p.X), centi(p.Y), centi(p.Z), centi(p.Diam)
		}
		s.NSeg = 1 + 2*int(s.LengthUM()/nsegSpacing)
	}
	return m
}

// centi rounds to 0.01; adding 0 turns a negative zero into zero.
func centi(x float64) float64 { return math.Round(x*100)/100 + 0 }

// draws makes random numbers. Only PCG's bits are taken from the standard library, because
// its streams of derived numbers may change between versions.
type draws struct{ src *rand.PCG }

// newDraws starts a stream; each part has its own, so that a knob of one leaves the others alone.
func newDraws(seed, stream uint64) *draws { return &draws{rand.NewPCG(seed, stream)} }

// uniform draws from [0, 1).
func (r *draws) uniform() float64 { return float64(r.src.Uint64()>>11) / (1 << 53) }

// between draws from [lo, hi).
func (r *draws) between(lo, hi float64) float64 { return lo + (hi-lo)*r.uniform() }

// intn draws from 0 .. n-1; the bias for small n is below 1e-15.
func (r *draws) intn(n int) int { return int(r.uniform() * float64(n)) }

// normal draws from the standard normal distribution cut at 6 (sum of 12 uniforms).
func (r *draws) normal() float64 {
	var s float64
	for range 12 {
		s += r.uniform()
	}
	return s - 6
}

// gamma2 draws from a gamma distribution of shape 2 with this mean: skewed as lengths between branch points are.
func (r *draws) gamma2(mean float64) float64 {
	return -mean / 2 * math.Log((1-r.uniform())*(1-r.uniform()))
}

// shares deals n tips to k trees, at least one each. Every further tip goes to a tree
// with a chance proportional to what it has (Polya's urn), which makes a few rich trees and
// many small ones.
func (r *draws) shares(n, k int) []int {
	s := make([]int, k)
	for i := range s {
		s[i] = 1
	}
	for have := k; have < n; have++ {
		pick := r.intn(have)
		i := 0
		for ; pick >= s[i]; i++ {
			pick -= s[i]
		}
		s[i]++
	}
	return s
}

// grow appends the tree of a branch with its two daughters' trees, depth first.
// lengthOf draws the length of a branch whose other fields are set.
func grow(tree []branch, b branch, r *draws, lengthOf func(*branch) float64) []branch {
	b.length = lengthOf(&b)
	at := len(tree)
	tree = append(tree, b)
	if b.tips == 1 {
		return tree
	}
	left := 1 + r.intn(b.tips-1)
	for d, n := range []int{left, b.tips - left} {
		child := branch{parent: at, tips: n, start: b.end(), kind: b.kind, daughter: d, stemNumber: b.stemNumber}
		tree = grow(tree, child, r, lengthOf)
	}
	return tree
}

func basalTree(r *draws) []branch {
	var tree []branch
	for stem, n := range r.shares(basalTips, basalStems) {
		tree = grow(tree, branch{parent: -1, tips: n, kind: basalBranch, stemNumber: stem}, r, func(b *branch) float64 {
			switch {
			case b.tips == 1:
				return math.Max(15, basalTermMean+basalTermSD*r.normal())
			case b.parent < 0:
				return 5 + r.gamma2(basalStemMean-5)
			}
			return 5 + r.gamma2(basalIntMean-5)
		})
	}
	fitTerminals(tree, basalTotal, basalFarthest)
	setBasalDiameters(tree, r)
	return tree
}

func apicalTree(r *draws) []branch {
	tips := r.shares(obliqueTips, obliques)
	left := obliqueTips + tuftTips
	var tree []branch
	parent, at := -1, 0.0
	for i, n := range tips {
		// One oblique in each of equal strips of the trunk.
		leave := obliqueFirst + (obliqueLast-obliqueFirst)*(float64(i)+r.between(0.05, 0.95))/obliques
		tree = append(tree, branch{parent: parent, tips: left, start: at, length: leave - at, kind: trunkBranch})
		parent, at = len(tree)-1, leave
		sub := grow(nil, branch{tips: n, start: leave, kind: obliqueBranch, daughter: 1, stemNumber: i}, r, func(b *branch) float64 {
			if b.tips == 1 {
				return math.Max(12, obliqueTermMu+obliqueTermSD*r.normal())
			}
			return 5 + r.gamma2(obliqueIntMean-5)
		})
		tree = attach(tree, sub, parent)
		left -= n
	}
	fitObliques(tree)
	tree = append(tree, branch{parent: parent, tips: left, start: at, length: nexusDistance - at, kind: trunkBranch})
	tree = growTuft(tree, r)
	setApicalDiameters(tree, r)
	return tree
}

// attach appends a tree grown by itself, its root becoming a daughter of parent.
func attach(tree, sub []branch, parent int) []branch {
	base := len(tree)
	for i := range sub {
		if i == 0 {
			sub[i].parent = parent
		} else {
			sub[i].parent += base
		}
	}
	return append(tree, sub...)
}

func growTuft(tree []branch, r *draws) []branch {
	nexus := len(tree) - 1
	for d, n := range []int{tuftMainTips, tuftTips - tuftMainTips} {
		root := true
		sub := grow(nil, branch{tips: n, start: nexusDistance, kind: tuftBranch, daughter: d, stemNumber: d}, r, func(b *branch) float64 {
			isRoot := root
			root = false
			switch {
			case b.tips == 1:
				return math.Max(15, tuftTipMean+tuftTipSD*r.normal()-b.start)
			case isRoot && d == 0:
				return tuftEarly
			case b.start < tuftBranchFrom-2*tuftBranchSD:
				return tuftBranchFrom + tuftBranchSD*r.normal() - b.start
			}
			return math.Min(6+r.gamma2(tuftIntMean-6), apicalFarthest-30-b.start)
		})
		tree = attach(tree, sub, nexus)
	}
	fitTerminals(tree[nexus+1:], tuftTotal, apicalFarthest)
	return tree
}

// fitObliques scales the terminal sections of the obliques; a tip is limited in its
// distance from the trunk, not from the soma.
func fitObliques(tree []branch) {
	limit := make([]float64, len(tree))
	var which []int
	for i := range tree {
		if tree[i].kind != obliqueBranch {
			continue
		}
		which = append(which, i)
		if p := tree[i].parent; tree[p].kind == trunkBranch {
			limit[i] = tree[i].start + obliqueReach
		} else {
			limit[i] = limit[p]
		}
	}
	fitLengths(tree, which, obliqueTotal, limit)
}

// fitTerminals scales the terminal sections so that the tree has this total length [um];
// no tip lies farther than farthest and the one that was drawn farthest lies there.
func fitTerminals(tree []branch, total, farthest float64) {
	far := -1
	which, limit := make([]int, len(tree)), make([]float64, len(tree))
	for i := range tree {
		which[i], limit[i] = i, farthest
		if tree[i].tips == 1 && (far < 0 || tree[i].end() > tree[far].end()) {
			far = i
		}
	}
	tree[far].length, tree[far].pinned = farthest-tree[far].start, true
	fitLengths(tree, which, total, limit)
}

// fitLengths finds by bisection the one factor of the terminal sections that gives these
// branches this total length [um], when none ends beyond its limit.
func fitLengths(tree []branch, which []int, total float64, limit []float64) {
	const shortest = 6
	scaled := func(i int, f float64) float64 {
		b := &tree[i]
		if b.tips > 1 || b.pinned {
			return b.length
		}
		return math.Max(shortest, math.Min(f*b.length, limit[i]-b.start))
	}
	lo, hi := 0.0, 8.0
	for range 60 {
		f := (lo + hi) / 2
		var sum float64
		for _, i := range which {
			sum += scaled(i, f)
		}
		if sum < total {
			lo = f
		} else {
			hi = f
		}
	}
	for _, i := range which {
		tree[i].length = scaled(i, lo)
	}
}
