package abi

import (
	"sync"
	"sync/atomic"
)

// table maps handles to values. It is safe for concurrent use.
type table[T any] struct {
	what string         // for messages: "model", "population"
	last *atomic.Uint64 // last handle given out; shared by the tables of a Door
	mu   sync.RWMutex
	m    map[uint64]T
}

func (t *table[T]) add(v T) uint64 {
	h := t.last.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil {
		t.m = map[uint64]T{}
	}
	t.m[h] = v
	return h
}

func (t *table[T]) get(h uint64) (T, error) {
	t.mu.RLock()
	v, ok := t.m[h]
	t.mu.RUnlock()
	if !ok {
		return v, t.unknown(h)
	}
	return v, nil
}

func (t *table[T]) remove(h uint64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.m[h]; !ok {
		return t.unknown(h)
	}
	delete(t.m, h)
	return nil
}

func (t *table[T]) unknown(h uint64) error {
	return Errorf(ErrHandle, "%d is not the handle of an open %s", h, t.what)
}
