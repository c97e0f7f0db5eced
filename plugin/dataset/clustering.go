package dataset

import "understudy/plugin/cell"

// Clustering concentrates part of a trial's excitatory input on clusters of neighbouring
// segments: their rates rise, those of all others fall, and a tree's sum stays what it
// was. Inhibition stays where it was. It draws from random numbers of its own: a trial
// has the same underlying rates with and without it.
//
// Neighbours are neighbours in the order of segments, which follows the branches: a
// cluster lies on one branch, or on the end of one and the beginning of the next.
type Clustering struct {
	Trials   float64    `json:"trials"`    // fraction of the trials that have clusters, 0 to 1
	Clusters [2]int     `json:"clusters"`  // range of the number of clusters in each tree, one for a trial
	LengthUM [2]float64 `json:"length_um"` // range of the length of dendrite in a cluster, one for a trial [um]
	// Share is the range of the part of the excitatory spikes that come on clusters, one for a trial, 0 to 1.
	Share [2]float64 `json:"share"`
}

// draw draws a trial's factor of the rate of each channel; nil for a trial without clusters.
func (c *Clustering) draw(channels []cell.Channel, minLengthUM float64, rng stream) []float64 {
	if c == nil || rng.uniform() >= c.Trials {
		return nil
	}
	clusters := c.Clusters[0] + rng.index(c.Clusters[1]-c.Clusters[0]+1)
	length := rng.between(c.LengthUM[0], c.LengthUM[1])
	share := rng.between(c.Share[0], c.Share[1])
	factor := make([]float64, len(channels))
	for i := range factor {
		factor[i] = 1
	}
	var trees [2][]int // excitatory channels
	for i, ch := range channels {
		if kindOf(ch) == 0 {
			trees[treeOf(ch)] = append(trees[treeOf(ch)], i)
		}
	}
	for _, tree := range trees {
		if len(tree) == 0 {
			continue
		}
		in := make([]bool, len(tree))
		for range clusters {
			centre := rng.index(len(tree))
			for _, k := range grow(channels, tree, centre, length) {
				in[k] = true
			}
		}
		// A segment's weight is its share of the tree's spikes.
		var all, inside float64
		for k, i := range tree {
			w := channels[i].LengthUM + minLengthUM
			all += w
			if in[k] {
				inside += w
			}
		}
		for k, i := range tree {
			factor[i] = 1 - share
			if in[k] {
				factor[i] += float64(share * all / inside)
			}
		}
	}
	return factor
}

// grow returns the places in tree of a cluster: the centre and, by turns after and before
// it, its neighbours until the cluster is length [um] long or is the tree.
func grow(channels []cell.Channel, tree []int, centre int, length float64) []int {
	places, sum := []int{centre}, channels[tree[centre]].LengthUM
	for after, before := centre+1, centre-1; sum < length && (after < len(tree) || before >= 0); {
		if after < len(tree) {
			places, sum = append(places, after), sum+channels[tree[after]].LengthUM
			after++
		}
		if sum < length && before >= 0 {
			places, sum = append(places, before), sum+channels[tree[before]].LengthUM
			before--
		}
	}
	return places
}
