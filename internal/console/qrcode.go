package console

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// picture is a QR code as the path of an SVG image.
type picture struct {
	// Side is the picture's width and height, in modules, with the quiet zone.
	Side int
	Path string
}

// quiet is the empty border that readers need.
const quiet = 4

func drawCode(text string) (picture, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return picture{}, fmt.Errorf("draw a QR code: %w", err)
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			run := 0
			for x+run < code.Size && code.Black(x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
				x += run
			}
		}
	}
	return picture{Side: code.Size + 2*quiet, Path: path.String()}, nil
}
