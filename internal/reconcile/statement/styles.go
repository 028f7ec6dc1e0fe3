package statement

import (
	"fmt"

	"github.com/xuri/excelize/v2"

	"github.com/paymux/paymux/internal/money"
)

// look names what a cell is for; each has a style in the workbook.
type look int

const (
	lookText look = iota
	lookTime
	lookHeading
	lookGroup
	lookTitle
	lookNote
	lookTotal
	lookGood
	lookWait
	lookBad
	lookCount
	lookTotalCount
	lookAmount // with two decimal places; those of other currencies are beside it
	lookAmountTotal
	lookAmountBad
	lookAmountTotalBad
)

// Number formats: Excel's own number of "@", which keeps text as text when
// somebody edits it, and of #,##0 with and without decimals.
const (
	formatText     = 49
	formatInteger  = 3
	formatDecimals = 4
)

const (
	colourHeading = "1F3864"
	colourGroup   = "2F5597"
	colourTotal   = "EAF0FA"
	colourLine    = "BFC9DA"
	colourGood    = "2E7D32"
	colourWait    = "B26A00"
	colourBad     = "C62828"
	colourNote    = "5F6B7A"
)

// styles are the workbook's numbers of the styles.
type styles struct {
	of map[look]int
	// amounts holds those of currencies without two decimal places, by places.
	amounts map[int]map[look]int
}

func (s *styles) amount(l look, c money.Currency) int {
	if id, ok := s.amounts[c.Exponent()][l]; ok && c.Known() {
		return id
	}
	return s.of[l]
}

func newStyles(f *excelize.File, font string) (*styles, error) {
	if err := f.SetDefaultFont(font); err != nil {
		return nil, fmt.Errorf("set the workbook's font: %w", err)
	}
	s := &styles{of: make(map[look]int), amounts: map[int]map[look]int{0: {}, 3: {}}}
	for l := lookText; l <= lookAmountTotalBad; l++ {
		id, err := f.NewStyle(styleOf(l, font))
		if err != nil {
			return nil, fmt.Errorf("make a style: %w", err)
		}
		s.of[l] = id
	}
	for _, places := range []int{0, 3} {
		for _, l := range []look{lookAmount, lookAmountTotal, lookAmountBad, lookAmountTotalBad} {
			style := styleOf(l, font)
			format := "#,##0"
			if places > 0 {
				format = "#,##0.000"
			}
			style.NumFmt, style.CustomNumFmt = 0, &format
			id, err := f.NewStyle(style)
			if err != nil {
				return nil, fmt.Errorf("make a style: %w", err)
			}
			s.amounts[places][l] = id
		}
	}
	return s, nil
}

// styleOf describes a look.
func styleOf(l look, family string) *excelize.Style {
	font := &excelize.Font{Family: family, Size: 10}
	style := &excelize.Style{Font: font, Alignment: &excelize.Alignment{Vertical: "center"}}
	fill := func(colour string) {
		style.Fill = excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{colour}}
	}
	heading := func(colour string) {
		font.Bold, font.Color = true, "FFFFFF"
		fill(colour)
		style.Alignment.Horizontal, style.Alignment.WrapText = "center", true
		style.Border = lines("left", "right", "top", "bottom")
	}
	total := func() {
		font.Bold = true
		fill(colourTotal)
		style.Border = lines("top", "bottom")
	}
	switch l {
	case lookText:
		style.NumFmt = formatText
		style.Alignment.Indent, style.Alignment.Horizontal = 1, "left"
	case lookTime:
		format := "yyyy-mm-dd hh:mm:ss"
		style.CustomNumFmt = &format
		style.Alignment.Indent, style.Alignment.Horizontal = 1, "left"
	case lookHeading:
		heading(colourHeading)
	case lookGroup:
		heading(colourGroup)
	case lookTitle:
		font.Bold, font.Size, font.Color = true, 16, colourHeading
	case lookNote:
		font.Color = colourNote
	case lookTotal:
		total()
		style.NumFmt = formatText
		style.Alignment.Indent, style.Alignment.Horizontal = 1, "left"
	case lookGood, lookWait, lookBad:
		style.NumFmt = formatText
		style.Alignment.Indent, style.Alignment.Horizontal = 1, "left"
		font.Color = map[look]string{lookGood: colourGood, lookWait: colourWait, lookBad: colourBad}[l]
		font.Bold = l == lookBad
	case lookCount:
		style.NumFmt = formatInteger
	case lookTotalCount:
		total()
		style.NumFmt = formatInteger
	case lookAmount:
		style.NumFmt = formatDecimals
	case lookAmountTotal:
		total()
		style.NumFmt = formatDecimals
	case lookAmountTotalBad:
		total()
		font.Color = colourBad
		style.NumFmt = formatDecimals
	case lookAmountBad:
		font.Bold, font.Color = true, colourBad
		style.NumFmt = formatDecimals
	}
	return style
}

func lines(sides ...string) []excelize.Border {
	out := make([]excelize.Border, len(sides))
	for i, side := range sides {
		out[i] = excelize.Border{Type: side, Color: colourLine, Style: 1}
	}
	return out
}
