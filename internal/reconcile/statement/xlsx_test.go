package statement

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/paymux/paymux/internal/reconcile"
)

func cellOf(t *testing.T, f *excelize.File, sheet, ref string) string {
	t.Helper()
	s, err := f.GetCellValue(sheet, ref)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestXLSX_SaysTheSameAsCSV(t *testing.T) {
	t.Parallel()
	for _, language := range []string{Chinese, English} {
		in := fixture(t)
		in.Language = language
		_, records := csvOf(t, in)
		_, f := xlsxOf(t, in, excelRows)
		sheet := f.GetSheetList()[0]
		rows, err := f.GetRows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != len(records) {
			t.Fatalf("%d rows, CSV has %d", len(rows), len(records))
		}
		columns := detailColumns()
		for i, record := range records {
			for j, want := range record {
				got := ""
				if j < len(rows[i]) {
					got = rows[i][j]
				}
				want = strings.TrimSuffix(strings.TrimPrefix(want, "'"), "\t")
				if columns[j].form == formAmount && i > 0 {
					got = strings.ReplaceAll(got, ",", "")
				}
				if got != want {
					t.Errorf("%s row %d, %s: %q, CSV has %q", language, i, columns[j].en, got, want)
				}
			}
		}
	}
}

func TestXLSX_CellsAreWhatTheySeem(t *testing.T) {
	t.Parallel()
	_, f := xlsxOf(t, fixture(t), excelRows)
	if got, want := f.GetSheetList(), []string{"明细", "汇总", "差异"}; !slices.Equal(got, want) {
		t.Errorf("sheets %q, want %q", got, want)
	}
	if f.GetActiveSheetIndex() != 0 {
		t.Error("the detail is not what opens first")
	}
	for _, c := range []struct {
		sheet, ref string
		typ        excelize.CellType
		shown, raw string
	}{
		{"明细", "A2", excelize.CellTypeUnset, "2025-11-21 12:05:06", "45982.5035416667"},
		{"明细", "C2", excelize.CellTypeInlineString, "2025112100000000000001", ""},
		{"明细", "H2", excelize.CellTypeUnset, "88.00", "88"},
		{"明细", "H3", excelize.CellTypeUnset, "-22.05", "-22.05"},
		{"明细", "H5", excelize.CellTypeUnset, "1,234,567,890.12", "1234567890.12"},
		{"明细", "L4", excelize.CellTypeInlineString, `=HYPERLINK("http://evil.test","click")`, ""},
		{"明细", "C5", excelize.CellTypeInlineString, "a_x0041_b", ""},
		{"汇总", "A1", excelize.CellTypeInlineString, "示例商户  对账单", ""},
		{"汇总", "A2", excelize.CellTypeInlineString, "2025年11月21日   ·   第 2 版   ·   m_1", ""},
		{"汇总", "E6", excelize.CellTypeUnset, "1", "1"},
		{"汇总", "J6", excelize.CellTypeUnset, "65.55", "65.55"},
		{"汇总", "Q6", excelize.CellTypeUnset, "-0.01", "-0.01"},
		{"汇总", "Q7", excelize.CellTypeUnset, "0.00", "0"},
		{"汇总", "K8", excelize.CellTypeUnset, "", ""},
		{"汇总", "A9", excelize.CellTypeInlineString, "合计", ""},
		{"差异", "A2", excelize.CellTypeInlineString, "短款（平台有、渠道无）", ""},
		{"差异", "C2", excelize.CellTypeInlineString, "支付", ""},
		{"差异", "I2", excelize.CellTypeUnset, "", ""},
		{"差异", "C3", excelize.CellTypeInlineString, "退款", ""},
		{"差异", "H3", excelize.CellTypeUnset, "22.05", "22.05"},
		{"差异", "I3", excelize.CellTypeUnset, "22.06", "22.06"},
		{"差异", "P3", excelize.CellTypeInlineString, "rounding at the channel", ""},
	} {
		typ, err := f.GetCellType(c.sheet, c.ref)
		if err != nil {
			t.Fatal(err)
		}
		if got := cellOf(t, f, c.sheet, c.ref); got != c.shown || typ != c.typ {
			t.Errorf("%s!%s is %q of type %d, want %q of type %d", c.sheet, c.ref, got, typ, c.shown, c.typ)
		}
		if c.raw != "" {
			if raw, err := f.GetCellValue(c.sheet, c.ref, excelize.Options{RawCellValue: true}); err != nil || raw != c.raw {
				t.Errorf("%s!%s holds %q, want %q (%v)", c.sheet, c.ref, raw, c.raw, err)
			}
		}
		if formula, err := f.GetCellFormula(c.sheet, c.ref); err != nil || formula != "" {
			t.Errorf("%s!%s has the formula %q (%v)", c.sheet, c.ref, formula, err)
		}
	}
	panes, err := f.GetPanes("明细")
	if err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("the heading is not frozen: %+v %v", panes, err)
	}
}

func TestXLSX_FilterLeavesTotalsOut(t *testing.T) {
	t.Parallel()
	raw, f := xlsxOf(t, fixture(t), excelRows)
	if part := string(partOf(t, raw, "xl/worksheets/sheet1.xml")); !strings.Contains(part, `<autoFilter ref="A1:R5"/>`) {
		t.Errorf("the filter's range is not the rows: %s", part[max(0, len(part)-700):])
	}
	names := map[string]string{}
	for _, n := range f.GetDefinedName() {
		names[n.Scope+" "+n.Name] = n.RefersTo
	}
	if got := names["明细 _xlnm._FilterDatabase"]; got != "'明细'!$A$1:$R$5" {
		t.Errorf("%q", names)
	}
	if got := names["差异 _xlnm.Print_Titles"]; got != "'差异'!$1:$1" {
		t.Errorf("%q", names)
	}
}

func TestXLSX_MoreSheetsWhereOneIsFull(t *testing.T) {
	t.Parallel()
	in := fixture(t)
	_, f := xlsxOf(t, in, 2)
	if got, want := f.GetSheetList(), []string{"明细", "明细2", "汇总", "差异"}; !slices.Equal(got, want) {
		t.Fatalf("sheets %q, want %q", got, want)
	}
	for ref, want := range map[string]string{"A1": "交易时间", "C2": "-A1", "C3": "a_x0041_b", "A4": "合计", "H4": "1,234,567,956.12"} {
		if got := cellOf(t, f, "明细2", ref); got != want {
			t.Errorf("明细2!%s is %q, want %q", ref, got, want)
		}
	}
	if got := cellOf(t, f, "明细", "A4"); got != "" {
		t.Errorf("the first sheet has totals: %q", got)
	}
}

// TestXLSX_IsTheSameEachTime: among them many sheets, whose order in the archive
// must not depend on chance.
func TestXLSX_IsTheSameEachTime(t *testing.T) {
	t.Parallel()
	in := fixture(t)
	first, _ := xlsxOf(t, in, 1)
	for range 5 {
		if again, _ := xlsxOf(t, in, 1); !bytes.Equal(first, again) {
			t.Fatal("two writings differ")
		}
	}
	for _, part := range archiveOf(t, first).File {
		if !part.Modified.IsZero() && part.Modified.Year() > 1980 {
			t.Errorf("%s carries the time %s", part.Name, part.Modified)
		}
	}
}

func TestXLSX_EveryPartIsXMLAndListedOnce(t *testing.T) {
	t.Parallel()
	raw, _ := xlsxOf(t, fixture(t), 2)
	seen := map[string]bool{}
	for _, part := range archiveOf(t, raw).File {
		if seen[part.Name] {
			t.Errorf("%s is there twice", part.Name)
		}
		seen[part.Name] = true
		dec := xml.NewDecoder(bytes.NewReader(partOf(t, raw, part.Name)))
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", part.Name, err)
			}
		}
	}
	types := string(partOf(t, raw, "[Content_Types].xml"))
	for i := 1; i <= 4; i++ {
		name := fmt.Sprintf("xl/worksheets/sheet%d.xml", i)
		if !seen[name] || !strings.Contains(types, "/"+name) {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestXLSX_WithoutAnything(t *testing.T) {
	t.Parallel()
	_, f := xlsxOf(t, Input{Day: parseDay(t, "2025-11-21"), MerchantName: "x", Version: 1, Language: English}, excelRows)
	if got := cellOf(t, f, "Discrepancies", "A2"); got != "No discrepancies" {
		t.Errorf("%q", got)
	}
	if got := cellOf(t, f, "Detail", "H2"); got != "0.00" {
		t.Errorf("%q", got)
	}
}

func archiveOf(t *testing.T, raw []byte) *zip.Reader {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func partOf(t *testing.T, raw []byte, name string) []byte {
	t.Helper()
	part, err := archiveOf(t, raw).Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = part.Close() }()
	content, err := io.ReadAll(part)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// FuzzCells: whatever text others chose, both files can be read and give it back
// without a formula.
func FuzzCells(f *testing.F) {
	for _, s := range []string{"", "=1", "a\x00b", "_x0041_", "__x0041_", "]]>", "\xff", " lead", "'", "\"\r\n,", "\ufeff", strings.Repeat("长", 5000)} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, subject, number string) {
		in := Input{MerchantName: subject, Rows: each([]reconcile.StatementRow{{Subject: subject, MerchantOrderNo: number, Currency: "CNY"}})}
		_, records := csvOf(t, in)
		if len(records) != 3 || strings.HasPrefix(records[1][11], "=") || startsFormula(records[1][11]) {
			t.Fatalf("%q", records)
		}
		_, book := xlsxOf(t, in, excelRows)
		if got := cellOf(t, book, "明细", "L2"); got != clean(subject) {
			t.Errorf("subject %q came back as %q", clean(subject), got)
		}
		if formula, err := book.GetCellFormula("明细", "L2"); err != nil || formula != "" {
			t.Errorf("formula %q (%v)", formula, err)
		}
	})
}

// An account whose bill is not there has a result without sums; what the detail
// lists of it stood in the summary as nothing, and the totals of both differed.
func TestSummaryHasOurSideOfAnAccountWithoutABill(t *testing.T) {
	in := fixture(t)
	_, f := xlsxOf(t, in, 100)
	for cell, want := range map[string]string{
		"B8": "acc_3", "D8": "待对账", "E8": "1", "F8": "1,234,567,890.12", "G8": "0", "H8": "0.00", "I8": "7,407,407.34", "J8": "1,227,160,482.78", "K8": "",
	} {
		if got, err := f.GetCellValue("汇总", cell); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", cell, got, err, want)
		}
	}
	total := func(sheet, cell string) string {
		got, err := f.GetCellValue(sheet, cell)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if detail, summary := total("明细", "J6"), total("汇总", "J9"); detail != summary || detail == "" {
		t.Errorf("the detail totals %q, the summary %q", detail, summary)
	}
}

// Ids were cut off where the next cell was not empty.
func TestColumnsHoldTheIDsTheyShow(t *testing.T) {
	const capital = 1.15 // a capital of Calibri or YaHei, in widths of a digit
	want := capital*float64(len("acc_01KAJ2V0M3D9T5Q8W7XZC4B6N1")) + 1
	for _, c := range detailColumns() {
		if (c.en == "Payment" || c.en == "Account" || c.en == "Number at channel") && c.width < want {
			t.Errorf("%s has width %v, an id needs %v", c.zh, c.width, want)
		}
	}
	for _, c := range differenceColumns() {
		if (c.en == "Discrepancy" || c.en == "Account" || c.en == "Number at channel") && c.width < want {
			t.Errorf("%s has width %v, an id needs %v", c.zh, c.width, want)
		}
	}
}

// A proposal stood beside "open" like an explanation that counts.
func TestProposalWaitsForItsApproval(t *testing.T) {
	in := fixture(t)
	in.Discrepancies = each([]reconcile.Discrepancy{{Status: reconcile.Open, ProposedBy: "finance", Resolution: "rounding"}})
	for language, want := range map[string]string{Chinese: "待复核", English: "To be approved"} {
		in.Language = language
		words, err := in.words()
		if err != nil {
			t.Fatal(err)
		}
		_, f := xlsxOf(t, in, 100)
		if got, err := f.GetCellValue(words.differences, "B2"); err != nil || got != want {
			t.Errorf("%s: %q (%v), want %q", language, got, err, want)
		}
	}
}
