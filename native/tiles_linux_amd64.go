//go:build !purego

package native

import (
	"fmt"
	"syscall"
	"unsafe"
)

// askForTiles asks Linux to let this process use AMX tiles
// (Documentation/arch/x86/xstate.rst). Until then a use ends the process, because a signal's
// frame, which holds the tiles, could outgrow the stack that a thread has for signals: Linux
// refuses while a thread has one that is too small. Go's are large enough.
func askForTiles() error {
	const (
		getPermission = 0x1022 // ARCH_GET_XCOMP_PERM
		askPermission = 0x1023 // ARCH_REQ_XCOMP_PERM
		tileConfig    = 17     // numbers of state components, as in XCR0
		tileData      = 18
		both          = 1<<tileConfig | 1<<tileData
	)
	var granted uint64
	if _, _, e := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, askPermission, tileData, 0); e != 0 {
		return fmt.Errorf("tiles, which the system does not grant (arch_prctl: %w)", e)
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, getPermission, uintptr(unsafe.Pointer(&granted)), 0); e != 0 || granted&both != both {
		return fmt.Errorf("tiles, which the system does not grant (it permits state components %#x)", granted)
	}
	return nil
}
