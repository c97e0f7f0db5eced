// Package js is the npm package @understudy/neuron; Go only carries it.
package js

import _ "embed"

// Index is index.js.
//
//go:embed index.js
var Index []byte
