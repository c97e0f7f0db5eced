//go:build !purego && !linux

package native

import "errors"

func askForTiles() error {
	return errors.New("tiles, which understudy asks no other system for than Linux")
}
