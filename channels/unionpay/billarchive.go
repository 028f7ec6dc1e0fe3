package unionpay

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"regexp"
	"strings"
)

const (
	// maxMembers bounds the members of an archive; UnionPay's have two or three.
	maxMembers = 16
	// maxDirectory bounds the archive's directory, which is read as a whole.
	maxDirectory = 64 << 10
	// maxMember bounds a member unpacked: as much as an archive without ZIP64 can
	// hold, about seven million records. An account may lower it.
	maxMember = 1<<32 - 1
	// maxSummary bounds the summary, which is read as a whole; a real one has two
	// kilobytes.
	maxSummary = 1 << 20
)

// archive is a settlement day's files.
type archive struct {
	// date (YYMMDD) and merID are those in the members' names, the same in all.
	date, merID string
	// detail and errors may be nil; summary is not.
	detail, errors, summary *zip.File
}

// memberName matches the members' names: detail (ZM), errors (ZME) and summary (RD).
func memberName() *regexp.Regexp {
	return regexp.MustCompile(`^(?:INN([0-9]{6})[0-9]{2}(ZM|ZME)|(RD)[0-9]{4}([0-9]{6})[0-9]{2})_([0-9A-Za-z]{15})$`)
}

// openArchive finds the members. Members under other names are left alone,
// unless the name says that they hold records.
func openArchive(original io.ReaderAt, size, maxMember int64) (archive, error) {
	if err := checkDirectory(original, size); err != nil {
		return archive{}, err
	}
	z, err := zip.NewReader(original, size)
	if err != nil || len(z.File) > maxMembers {
		return archive{}, broken(0, "it is not a ZIP archive of settlement files")
	}
	var a archive
	known := memberName()
	for _, f := range z.File {
		m := known.FindStringSubmatch(f.Name)
		if m == nil {
			if strings.HasPrefix(f.Name, "INN") {
				return archive{}, broken(0, "it has a file of an unknown kind, %.60q", f.Name)
			}
			continue
		}
		if err := a.add(f, m[2]+m[3], m[1]+m[4], m[5], maxMember); err != nil {
			return archive{}, err
		}
	}
	if a.summary == nil {
		return archive{}, broken(0, "its summary (RD) is missing")
	}
	return a, nil
}

func (a *archive) add(f *zip.File, kind, date, merID string, most int64) error {
	if (a.date != "" && a.date != date) || (a.merID != "" && a.merID != merID) {
		return broken(0, "its files are of different days or merchants")
	}
	a.date, a.merID = date, merID
	place := &a.detail
	switch kind {
	case "ZME":
		place = &a.errors
	case "RD":
		place, most = &a.summary, maxSummary
	}
	switch {
	case *place != nil:
		return broken(0, "it has two files of the kind %s", kind)
	case f.Flags&1 != 0:
		return broken(0, "%s is encrypted", f.Name)
	case f.UncompressedSize64 > uint64(most):
		return broken(0, "%s is larger than the limit", f.Name)
	}
	*place = f
	return nil
}

// checkDirectory bounds what opening an archive costs: package zip reads the
// directory's entries as long as there are any, whatever their number is said
// to be. The directory must be small and stand directly before its end record,
// as it does in everything that was not made to deceive.
func checkDirectory(original io.ReaderAt, size int64) error {
	const endSize, maxComment = 22, 1<<16 - 1
	const what = "it is not a ZIP archive of settlement files"
	tail := make([]byte, min(size, endSize+maxComment))
	if n, err := original.ReadAt(tail, size-int64(len(tail))); n < len(tail) || len(tail) < endSize {
		_ = err // of the source, which keeps it, or an end that is too early
		return broken(0, what)
	}
	at := bytes.LastIndex(tail[:len(tail)-endSize+4], []byte("PK\x05\x06"))
	if at < 0 {
		return broken(0, what)
	}
	end := tail[at:]
	length, offset := int64(binary.LittleEndian.Uint32(end[12:])), int64(binary.LittleEndian.Uint32(end[16:]))
	position := size - int64(len(end))
	if length > maxDirectory || offset+length != position {
		return broken(0, what)
	}
	return nil
}
