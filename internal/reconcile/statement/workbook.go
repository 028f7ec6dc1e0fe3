package statement

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"
)

// workbook is an XLSX archive that is being written. Its sheets go straight into
// the archive; excelize writes what is around them (styles, properties, the
// list of sheets), which stays small. Excelize's own writer of large sheets
// would put the unpacked XML, a gigabyte for a million rows, into temporary
// files, and the sheets into the archive in random order.
type workbook struct {
	zip     *zip.Writer
	file    *excelize.File
	styles  *styles
	names   []string // of sheets, in the order of their numbers
	written map[string]bool
	filters []filter
}

// filter is where a sheet has headings to filter by and to repeat in print.
type filter struct {
	sheet   string
	heading int
	ref     string
}

// compression is as small as sheets get before it becomes slow.
const compression = 4

func newWorkbook(w io.Writer, font string) (*workbook, error) {
	b := &workbook{zip: zip.NewWriter(w), file: excelize.NewFile(), written: make(map[string]bool)}
	b.zip.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, compression) })
	var err error
	if b.styles, err = newStyles(b.file, font); err != nil {
		return nil, errors.Join(err, b.file.Close())
	}
	// Programs that tell a file's type from its beginning look for this part.
	if err := b.first("_rels/.rels"); err != nil {
		return nil, errors.Join(err, b.file.Close())
	}
	return b, nil
}

// first writes a part of excelize's before all others.
func (b *workbook) first(name string) error {
	content, _ := b.file.Pkg.Load(name)
	text, ok := content.([]byte)
	if !ok {
		return fmt.Errorf("the workbook has no part %s", name)
	}
	out, err := b.part(name)
	if err == nil {
		_, err = out.Write(text)
	}
	return err
}

// part begins a part of the archive; its time is the first that an archive can
// have, the same in every file.
func (b *workbook) part(name string) (io.Writer, error) {
	b.written[name] = true
	return b.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
}

// sheet begins the next sheet; the one before must be closed.
func (b *workbook) sheet(name string, l layout) (*sheet, error) {
	b.names = append(b.names, name)
	out, err := b.part("xl/worksheets/sheet" + strconv.Itoa(len(b.names)) + ".xml")
	if err != nil {
		return nil, fmt.Errorf("begin a sheet: %w", err)
	}
	return newSheet(out, l), nil
}

// finish writes the rest. last is the sheet that goes before another one.
func (b *workbook) finish(title string, at time.Time, move, before string) error {
	for i, name := range b.names {
		var err error
		if i == 0 {
			err = b.file.SetSheetName("Sheet1", name)
		} else {
			_, err = b.file.NewSheet(name)
		}
		if err != nil {
			return fmt.Errorf("add sheet %s: %w", name, err)
		}
	}
	if err := b.file.MoveSheet(move, before); err != nil {
		return fmt.Errorf("order the sheets: %w", err)
	}
	if err := b.nameFilters(); err != nil {
		return err
	}
	stamp := at.UTC().Format(time.RFC3339)
	err := b.file.SetDocProps(&excelize.DocProperties{Title: title, Creator: "paymux", LastModifiedBy: "paymux", Created: stamp, Modified: stamp})
	if err == nil {
		err = b.file.SetAppProps(&excelize.AppProperties{Application: "paymux"})
	}
	if err != nil {
		return fmt.Errorf("set the workbook's properties: %w", err)
	}
	b.file.SetZipWriter(func(io.Writer) excelize.ZipWriter { return rest{b} })
	return b.file.Write(io.Discard)
}

// nameFilters defines the names by which Excel knows filters and the headings
// that it prints on every page.
func (b *workbook) nameFilters() error {
	for _, f := range b.filters {
		quoted := "'" + f.sheet + "'!"
		names := []excelize.DefinedName{
			{Name: "_xlnm.Print_Titles", RefersTo: fmt.Sprintf("%s$%d:$%d", quoted, f.heading, f.heading), Scope: f.sheet},
			{Name: "_xlnm._FilterDatabase", RefersTo: quoted + f.ref, Scope: f.sheet},
		}
		for i := range names {
			if err := b.file.SetDefinedName(&names[i]); err != nil {
				return fmt.Errorf("name the headings of sheet %s: %w", f.sheet, err)
			}
		}
		defined := b.file.WorkBook.DefinedNames.DefinedName
		defined[len(defined)-1].Hidden = true
	}
	return nil
}

func (b *workbook) close() error { return b.file.Close() }

// rest takes what excelize writes into the same archive, but for the sheets and
// other parts that are there already.
type rest struct{ *workbook }

// Create begins a part.
func (r rest) Create(name string) (io.Writer, error) {
	if r.written[name] {
		return io.Discard, nil
	}
	return r.part(name)
}

// AddFS is never asked for.
func (rest) AddFS(fs.FS) error { return errors.ErrUnsupported }

// Close ends the archive.
func (r rest) Close() error { return r.zip.Close() }
