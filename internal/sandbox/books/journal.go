package books

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// journalHeader is the first line of every journal; the number is the version of the format.
const journalHeader = "paymux-sandbox-books 1\n"

// A line of the journal is eight hexadecimal digits of CRC-32C, a blank, and a JSON array of changes. JSON holds no raw
// line end, so that a line is a record.
const checksumLength = 8

var errJournalClosed = errors.New("the sandbox's books are closed")

// journal is an append-only file with group commit: whoever appends while a write is under way shares the next one.
type journal struct {
	file *os.File
	sync func() error // the file's Sync; a field so that tests can let it fail

	mu       sync.Mutex
	changed  *sync.Cond
	pending  [][]byte
	appended uint64 // number of the last change handed in
	durable  uint64 // number of the last change on the disk
	closed   bool
	err      error // first failure; nothing is durable after it
	done     chan struct{}
}

// openJournal replays the file at path (a new one is made) and starts the writer.
func openJournal(path string, replay func(batch []byte) error) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the path is the operator's own data folder
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	end, err := replayFile(file, replay)
	if err == nil {
		err = prepareTail(file, end)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	j := &journal{file: file, sync: file.Sync, done: make(chan struct{})}
	j.changed = sync.NewCond(&j.mu)
	go j.write()
	return j, nil
}

// prepareTail cuts what follows the last whole record and writes the header of a new file.
func prepareTail(file *os.File, end int64) error {
	if err := file.Truncate(end); err != nil {
		return fmt.Errorf("cut the journal's torn end: %w", err)
	}
	if _, err := file.Seek(end, io.SeekStart); err != nil {
		return fmt.Errorf("go to the journal's end: %w", err)
	}
	if end == 0 {
		if _, err := file.WriteString(journalHeader); err != nil {
			return fmt.Errorf("write the journal's header: %w", err)
		}
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("sync the journal: %w", err)
	}
	return nil
}

func syncFolder(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator's own data folder
	if err != nil {
		return fmt.Errorf("open the books' folder: %w", err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync the books' folder: %w", err)
	}
	return nil
}

// replayFile hands every whole record to replay and answers the offset behind the last one.
func replayFile(file io.Reader, replay func([]byte) error) (int64, error) {
	in := bufio.NewReaderSize(file, 1<<20)
	header, err := in.ReadString('\n')
	if errors.Is(err, io.EOF) && len(header) < len(journalHeader) {
		return 0, nil // new, or torn while the header was written
	}
	if header != journalHeader {
		return 0, errors.New("the journal is of another version or not a journal; move it away to begin with empty books")
	}
	offset := int64(len(header))
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return offset, nil // a last line without its end is a torn record
		}
		if err != nil {
			return 0, fmt.Errorf("read the journal: %w", err)
		}
		batch, ok := checkRecord(line)
		if !ok {
			if wholeRecordFollows(in) {
				return 0, fmt.Errorf("the journal is damaged at byte %d; restore it, or move it away to begin with empty books", offset)
			}
			return offset, nil
		}
		if err := replay(batch); err != nil {
			return 0, fmt.Errorf("replay the journal at byte %d: %w", offset, err)
		}
		offset += int64(len(line))
	}
}

func wholeRecordFollows(in *bufio.Reader) bool {
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return false
		}
		if _, ok := checkRecord(line); ok {
			return true
		}
	}
}

func checksum(batch []byte) uint32 {
	return crc32.Checksum(batch, crc32.MakeTable(crc32.Castagnoli))
}

func checkRecord(line []byte) ([]byte, bool) {
	if len(line) < checksumLength+4 || line[checksumLength] != ' ' {
		return nil, false
	}
	want, err := strconv.ParseUint(string(line[:checksumLength]), 16, 32)
	batch := line[checksumLength+1 : len(line)-1]
	return batch, err == nil && uint32(want) == checksum(batch)
}

// encodeRecord frames changes, each a JSON value or several joined by commas, as one record.
func encodeRecord(changes [][]byte) []byte {
	batch := append([]byte{'['}, bytes.Join(changes, []byte{','})...)
	batch = append(batch, ']')
	line := fmt.Appendf(make([]byte, 0, len(batch)+checksumLength+2), "%08x ", checksum(batch))
	return append(append(line, batch...), '\n')
}

// append hands a change in and answers the number to wait for. The order of calls is the order in the file.
func (j *journal) append(change []byte) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.appended++
	j.pending = append(j.pending, change)
	j.changed.Broadcast()
	return j.appended
}

// wait returns once the change with this number is on the disk, or can never be.
func (j *journal) wait(number uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.durable < number && j.err == nil {
		j.changed.Wait()
	}
	if j.durable >= number {
		return nil
	}
	return j.err
}

func (j *journal) write() {
	defer close(j.done)
	for {
		j.mu.Lock()
		for len(j.pending) == 0 && !j.closed {
			j.changed.Wait()
		}
		if len(j.pending) == 0 || j.err != nil {
			if j.err == nil {
				j.err = errJournalClosed
			}
			j.changed.Broadcast()
			j.mu.Unlock()
			return
		}
		batch, last := j.pending, j.appended
		j.pending = nil
		j.mu.Unlock()

		err := j.commit(batch)

		j.mu.Lock()
		if err != nil {
			j.err = err
		} else {
			j.durable = last
		}
		j.changed.Broadcast()
		j.mu.Unlock()
	}
}

func (j *journal) commit(batch [][]byte) error {
	if _, err := j.file.Write(encodeRecord(batch)); err != nil {
		return fmt.Errorf("write the sandbox's books: %w", err)
	}
	if err := j.sync(); err != nil {
		return fmt.Errorf("sync the sandbox's books: %w", err)
	}
	return nil
}

// close writes what is pending and closes the file.
func (j *journal) close() error {
	j.mu.Lock()
	j.closed = true
	j.changed.Broadcast()
	j.mu.Unlock()
	<-j.done
	if err := j.file.Close(); err != nil {
		return fmt.Errorf("close the journal: %w", err)
	}
	return nil
}
