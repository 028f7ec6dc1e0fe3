package alipay

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
)

// sheet is one of the two texts of an archive: #-lines that say whose and of
// which day it is, headings, rows, a #-line that ends them, #-lines of totals.
type sheet struct {
	// title is 业务明细, 业务汇总, 账务明细 or 账务汇总.
	title string
	// needed headings, and optional ones that are read where they are there; the
	// others are not looked at.
	needed, optional []string
	// headings, row and footer are told of what is read; row's cells are valid
	// until it returns.
	headings func(billfile.Columns)
	row      func(line int64, cells [][]byte) error
	footer   func(line int64, text string) error
}

// sheetEnd is how far a sheet went.
type sheetEnd struct {
	rows int64
	// line is the last one.
	line int64
	// ended: the rows were ended by their #-line.
	ended bool
}

// The #-lines, whose dashes differ from file to file. A #-line may be followed
// by commas for the columns that it leaves empty.
const (
	sheetTitle  = "#支付宝"
	sheetOwner  = "#账号："
	sheetPeriod = "#起始日期："
	sheetDate   = "2006年01月02日 15:04:05"
)

// readSheet reads a text in GB18030, of which GBK is a part. Lines and cells
// are cut before they are decoded, which that encoding allows: no second or
// later byte of a character is a line end, a comma or a blank.
func (c *Client) readSheet(r io.Reader, s sheet, day channels.Day) (sheetEnd, error) {
	lines := billfile.NewLines(r)
	columns, err := c.readSheetHead(lines, s, day)
	if err != nil {
		return sheetEnd{}, err
	}
	s.headings(columns)
	var used []int
	for _, heading := range slices.Concat(s.needed, s.optional) {
		if at := columns.At(heading); at >= 0 {
			used = append(used, at)
		}
	}
	end, cut := sheetEnd{}, newCutter(columns, used)
	for lines.Next() {
		line := lines.Bytes()
		end.line = lines.Number()
		switch {
		case len(bytes.TrimSpace(line)) == 0:
		case end.ended:
			text := sheetText(line)
			if !strings.HasPrefix(text, "#") {
				return sheetEnd{}, billfile.Broken(end.line, "a row after the end of the rows")
			}
			if err := s.footer(end.line, text); err != nil {
				return sheetEnd{}, err
			}
		case line[0] == '#' && strings.Contains(sheetText(line), "列表结束"):
			end.ended = true
		default:
			cells, err := cut.cut(end.line, line)
			if err == nil {
				err = s.row(end.line, cells)
			}
			if err != nil {
				return sheetEnd{}, err
			}
			end.rows++
		}
	}
	if err := lines.Err(); err != nil {
		return sheetEnd{}, billfile.Broken(lines.Number(), "%s", billfile.Reason(err))
	}
	return end, nil
}

// readSheetHead reads up to the headings: the title, whose file it is, of which
// day, and the line that begins the rows.
func (c *Client) readSheetHead(lines *billfile.Lines, s sheet, day channels.Day) (billfile.Columns, error) {
	const mostLines = 20
	titled, owned, dated := false, false, false
	for lines.Next() && lines.Number() <= mostLines {
		line, text := lines.Number(), sheetText(lines.Bytes())
		switch {
		case text == "":
		case !titled:
			if !strings.HasPrefix(text, sheetTitle+s.title) {
				return billfile.Columns{}, billfile.Broken(line, "it does not begin with %s%s: another file, or another encoding than GBK", sheetTitle, s.title)
			}
			titled = true
		case strings.HasPrefix(text, sheetOwner):
			if owned = c.ownsSheet(strings.Trim(text[len(sheetOwner):], "[] ")); !owned {
				return billfile.Columns{}, billfile.Broken(line, "it is another account's")
			}
		case strings.HasPrefix(text, sheetPeriod):
			if dated = isPeriodOf(text, day); !dated {
				return billfile.Columns{}, billfile.Broken(line, "it is not of %s alone", day)
			}
		case !strings.HasPrefix(text, "#"):
			if !owned || !dated {
				return billfile.Columns{}, billfile.Broken(line, "nothing before the headings says whose it is and of which day")
			}
			return billfile.NewColumns(line, strings.Split(text, ","), s.needed...)
		}
	}
	if err := lines.Err(); err != nil {
		return billfile.Columns{}, billfile.Broken(lines.Number(), "%s", billfile.Reason(err))
	}
	return billfile.Columns{}, billfile.Broken(lines.Number(), "it has no headings")
}

// ownsSheet compares the account of a bill: the seller's number, usually with
// 0156 behind it, which is the currency's.
func (c *Client) ownsSheet(account string) bool {
	return account == c.cfg.SellerID || account == c.cfg.SellerID+"0156"
}

// isPeriodOf reads "#起始日期：[2019年09月16日 00:00:00]   终止日期：[…]".
func isPeriodOf(text string, day channels.Day) bool {
	from, to, ok := strings.Cut(strings.TrimPrefix(text, sheetPeriod), "终止日期：")
	if !ok {
		return false
	}
	return strings.Trim(from, "[] ") == day.Format(sheetDate) && strings.Trim(to, "[] ") == day.Next().Format(sheetDate)
}

// sheetText decodes a line and drops what spreadsheets leave behind it.
func sheetText(line []byte) string {
	return strings.TrimRight(decodeBill(line), ", \t")
}

// decodeBill decodes GB18030; what is no text of it comes out with marks for
// what could not be read.
func decodeBill(raw []byte) string {
	ascii := true
	for _, b := range raw {
		ascii = ascii && b < utf8.RuneSelf
	}
	if ascii {
		return string(raw)
	}
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(raw)
	if err != nil {
		return string(utf8.RuneError)
	}
	return string(text)
}
