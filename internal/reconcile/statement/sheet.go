package statement

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/money"
)

// sheet writes one worksheet (ECMA-376 part 1, 18.3.1.99) row by row into its
// place in the archive, so that nothing of it is kept.
type sheet struct {
	out   *bufio.Writer
	buf   []byte
	rows  int
	width int // columns
	col   int // of the row that is being written
	err   error
}

// layout is what a sheet has beside its rows.
type layout struct {
	widths []float64
	// frozen is how many rows at the top stay in view.
	frozen int
	// selected: the sheet that is shown when the file is opened.
	selected bool
	tab      string // colour
	merged   []string
	// filter is the number of the row with the headings to filter by; 0: none.
	filter int
	footer string
}

const sheetStart = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n" +
	`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">`

func newSheet(w io.Writer, l layout) *sheet {
	s := &sheet{out: bufio.NewWriterSize(w, 64<<10), width: len(l.widths)}
	var b strings.Builder
	b.WriteString(sheetStart)
	fmt.Fprintf(&b, `<sheetPr><tabColor rgb="FF%s"/><pageSetUpPr fitToPage="1"/></sheetPr>`, l.tab)
	selected := ""
	if l.selected {
		selected = ` tabSelected="1"`
	}
	fmt.Fprintf(&b, `<sheetViews><sheetView%s workbookViewId="0">`, selected)
	if l.frozen > 0 {
		fmt.Fprintf(&b, `<pane ySplit="%d" topLeftCell="A%d" activePane="bottomLeft" state="frozen"/><selection pane="bottomLeft"/>`, l.frozen, l.frozen+1)
	}
	b.WriteString(`</sheetView></sheetViews><sheetFormatPr defaultRowHeight="16"/><cols>`)
	for i, width := range l.widths {
		fmt.Fprintf(&b, `<col min="%d" max="%d" width="%s" customWidth="1"/>`, i+1, i+1, strconv.FormatFloat(width, 'f', -1, 64))
	}
	b.WriteString(`</cols><sheetData>`)
	_, s.err = s.out.WriteString(b.String())
	return s
}

// begin starts a row; height in points, 0: the default one.
func (s *sheet) begin(height int) {
	s.rows++
	s.col = 0
	s.buf = append(s.buf[:0], `<row r="`...)
	s.buf = strconv.AppendInt(s.buf, int64(s.rows), 10)
	if height > 0 {
		s.buf = append(s.buf, `" ht="`...)
		s.buf = strconv.AppendInt(s.buf, int64(height), 10)
		s.buf = append(s.buf, `" customHeight="1`...)
	}
	s.buf = append(s.buf, `">`...)
}

// end ends a row and sends it on.
func (s *sheet) end() error {
	s.buf = append(s.buf, `</row>`...)
	if s.err == nil {
		_, s.err = s.out.Write(s.buf)
	}
	return s.err
}

// cell begins a cell in the next column: all but its type and content.
func (s *sheet) cell(style int) {
	s.buf = append(s.buf, `<c r="`...)
	s.buf = append(s.buf, columnName(s.col)...)
	s.buf = strconv.AppendInt(s.buf, int64(s.rows), 10)
	s.buf = append(s.buf, `" s="`...)
	s.buf = strconv.AppendInt(s.buf, int64(style), 10)
	s.col++
}

// skip leaves a cell out.
func (s *sheet) skip() { s.col++ }

// empty writes a cell that has a style alone.
func (s *sheet) empty(style int) {
	s.cell(style)
	s.buf = append(s.buf, `"/>`...)
}

// text writes a cell of text, which no reader takes for a number or formula.
func (s *sheet) text(style int, text string) {
	if text == "" {
		s.skip()
		return
	}
	s.cell(style)
	s.buf = append(s.buf, `" t="inlineStr"><is><t xml:space="preserve">`...)
	s.buf = appendXML(s.buf, clean(text))
	s.buf = append(s.buf, `</t></is></c>`...)
}

// integer writes a cell with a whole number.
func (s *sheet) integer(style int, n int64) {
	s.cell(style)
	s.buf = append(s.buf, `"><v>`...)
	s.buf = strconv.AppendInt(s.buf, n, 10)
	s.buf = append(s.buf, `</v></c>`...)
}

// amount writes a number in the currency's major unit.
func (s *sheet) amount(style int, minor int64, c money.Currency) {
	s.cell(style)
	s.buf = append(s.buf, `"><v>`...)
	s.buf = appendMajor(s.buf, minor, c)
	s.buf = append(s.buf, `</v></c>`...)
}

// Excel counts days from this one: its day 1 is 1900-01-01, and its calendar
// has a 29 February 1900.
const (
	unixEpochSerial = 25569
	daySeconds      = 24 * 60 * 60
	serialDigits    = 10_000_000_000 // of a day's fraction: a second is 115741
)

// moment writes a time as Excel's serial number, in Shanghai's time to the second.
func (s *sheet) moment(style int, at time.Time) {
	if at.IsZero() {
		s.skip()
		return
	}
	_, offset := at.In(shanghai).Zone()
	seconds := at.Unix() + int64(offset)
	day, second := seconds/daySeconds, seconds%daySeconds
	s.cell(style)
	s.buf = append(s.buf, `"><v>`...)
	s.buf = strconv.AppendInt(s.buf, day+unixEpochSerial, 10)
	fraction := strconv.FormatInt((second*serialDigits+daySeconds/2)/daySeconds+serialDigits, 10)
	s.buf = append(s.buf, '.')
	s.buf = append(s.buf, fraction[1:]...)
	s.buf = append(s.buf, `</v></c>`...)
}

// close ends the sheet.
func (s *sheet) close(l layout, lastFiltered int) error {
	var b strings.Builder
	b.WriteString(`</sheetData>`)
	if l.filter > 0 {
		fmt.Fprintf(&b, `<autoFilter ref="A%d:%s%d"/>`, l.filter, columnName(s.width-1), max(lastFiltered, l.filter))
	}
	if len(l.merged) > 0 {
		fmt.Fprintf(&b, `<mergeCells count="%d">`, len(l.merged))
		for _, ref := range l.merged {
			fmt.Fprintf(&b, `<mergeCell ref="%s"/>`, ref)
		}
		b.WriteString(`</mergeCells>`)
	}
	b.WriteString(`<pageMargins left="0.4" right="0.4" top="0.5" bottom="0.6" header="0.3" footer="0.3"/>` +
		`<pageSetup paperSize="9" orientation="landscape" fitToWidth="1" fitToHeight="0"/><headerFooter><oddFooter>`)
	b.Write(appendXML(nil, l.footer))
	// Long numbers are text on purpose: without this Excel marks each of them.
	fmt.Fprintf(&b, `</oddFooter></headerFooter><ignoredErrors><ignoredError sqref="A1:%s%d" numberStoredAsText="1"/></ignoredErrors></worksheet>`,
		columnName(s.width-1), max(s.rows, 1))
	if s.err == nil {
		_, s.err = s.out.WriteString(b.String())
	}
	if s.err == nil {
		s.err = s.out.Flush()
	}
	return s.err
}

// columnName is A, B, … of a column from 0; ours never pass ZZ.
func columnName(i int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if i < len(letters) {
		return letters[i : i+1]
	}
	return letters[i/len(letters)-1:i/len(letters)] + letters[i%len(letters):i%len(letters)+1]
}

// appendXML writes cleaned text as XML. Excel reads _xHHHH_ as one character, so
// where a text holds such a thing its first underscore is written that way.
func appendXML(out []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '&':
			out = append(out, "&amp;"...)
		case '<':
			out = append(out, "&lt;"...)
		case '>':
			out = append(out, "&gt;"...)
		case '_':
			if isEscape(s[i:]) {
				out = append(out, "_x005F"...)
			}
			out = append(out, c)
		default:
			out = append(out, c)
		}
	}
	return out
}

// isEscape tells whether s begins with _xHHHH_.
func isEscape(s string) bool {
	if len(s) < 7 || s[1] != 'x' || s[6] != '_' {
		return false
	}
	for i := 2; i < 6; i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}
