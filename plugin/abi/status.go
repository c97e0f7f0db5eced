// Package abi is what the C library and the WebAssembly guest share: status
// codes, handles, and the rules of a call (one at a time in a population, no
// panic passes, outputs untouched on failure). Only memory addresses are left
// to the two of them. understudy.h documents the verbs.
package abi

import (
	"errors"
	"fmt"
	"io/fs"

	"understudy/plugin/population"
)

// Version is US_ABI_VERSION of understudy.h.
const Version = 2

// Status is what every function of the ABI returns. Numbers never change
// their meaning; new ones go at the end, here and in understudy.h.
type Status int32

// The status codes of understudy.h.
const (
	OK Status = iota
	ErrInput
	ErrFormat
	ErrClosed
	ErrState
	ErrLimit
	ErrKernel
	ErrNull
	ErrHandle
	ErrVersion
	ErrBuffer
	ErrBusy
	ErrForked
	ErrIO
	ErrInternal
)

// Error is an error with its status.
type Error struct {
	Status  Status
	Message string
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the category of package population with the same meaning, if
// there is one.
func (e *Error) Unwrap() error {
	switch e.Status {
	case ErrInput, ErrNull, ErrVersion, ErrBuffer:
		return population.ErrInput
	case ErrFormat:
		return population.ErrFormat
	case ErrClosed, ErrHandle:
		return population.ErrClosed
	case ErrState, ErrBusy, ErrForked:
		return population.ErrState
	case ErrLimit:
		return population.ErrLimit
	case ErrKernel:
		return population.ErrKernel
	}
	return nil
}

// Errorf makes an Error.
func Errorf(s Status, format string, a ...any) error {
	return &Error{s, fmt.Sprintf(format, a...)}
}

// Of is the status that stands for an error.
func Of(err error) Status {
	if err == nil { // before the variables below, which cost an allocation
		return OK
	}
	var e *Error
	var path *fs.PathError
	switch {
	case errors.As(err, &e):
		return e.Status
	case errors.Is(err, population.ErrInput):
		return ErrInput
	case errors.Is(err, population.ErrFormat):
		return ErrFormat
	case errors.Is(err, population.ErrClosed):
		return ErrClosed
	case errors.Is(err, population.ErrState):
		return ErrState
	case errors.Is(err, population.ErrLimit):
		return ErrLimit
	case errors.Is(err, population.ErrKernel):
		return ErrKernel
	case errors.As(err, &path):
		return ErrIO
	}
	return ErrInternal
}
