package reconcile

import (
	"fmt"
	"hash/maphash"
	"os"
)

// blockBytes is how much of a partition is gathered before it is written.
const blockBytes = 16 << 10

// spill cuts rows into partitions by a hash of their key and keeps them in one
// file that has no name any more. What is in memory does not grow with the
// number of rows, but for some bytes of each block's place.
type spill struct {
	file  *os.File
	end   int64
	seed  maphash.Seed
	parts []partition
	row   []byte
}

type partition struct {
	blocks []block
	buffer []byte
}

type block struct {
	at   int64
	size int32
}

// newSpill makes a spill of n partitions. Both sides need the same seed.
func newSpill(dir string, n int, seed maphash.Seed) (*spill, error) {
	file, err := tempFile(dir)
	if err != nil {
		return nil, err
	}
	return &spill{file: file, seed: seed, parts: make([]partition, n)}, nil
}

// tempFile makes a file that is gone when it is closed, or when the process dies.
func tempFile(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, "paymux-reconcile-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary file (reconciliation.spill_dir says where): %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("unname a temporary file: %w", err)
	}
	return file, nil
}

func (s *spill) close() { _ = s.file.Close() }

// add puts a row into its partition.
func (s *spill) add(r *record) error {
	p := &s.parts[maphash.String(s.seed, r.id)%uint64(len(s.parts))]
	s.row = r.appendTo(s.row[:0])
	if len(p.buffer)+len(s.row) > blockBytes && len(p.buffer) > 0 {
		if err := s.flush(p); err != nil {
			return err
		}
	}
	p.buffer = append(p.buffer, s.row...)
	return nil
}

func (s *spill) flush(p *partition) error {
	if _, err := s.file.WriteAt(p.buffer, s.end); err != nil {
		return fmt.Errorf("put rows aside: %w", err)
	}
	p.blocks = append(p.blocks, block{s.end, int32(len(p.buffer))}) //nolint:gosec // a block, or one long row
	s.end += int64(len(p.buffer))
	p.buffer = p.buffer[:0]
	return nil
}

// each gives the rows of a partition in the order in which they were added. A
// record shares its block's memory: see kept.
func (s *spill) each(n int, each func(record) error) error {
	p := &s.parts[n]
	buffer := make([]byte, 0, blockBytes)
	for _, b := range p.blocks {
		if cap(buffer) < int(b.size) {
			buffer = make([]byte, b.size)
		}
		buffer = buffer[:b.size]
		if _, err := s.file.ReadAt(buffer, b.at); err != nil {
			return fmt.Errorf("read rows that were put aside: %w", err)
		}
		if err := rowsOf(string(buffer), each); err != nil {
			return err
		}
	}
	return rowsOf(string(p.buffer), each)
}

func rowsOf(b string, each func(record) error) error {
	for len(b) > 0 {
		var (
			r   record
			err error
		)
		if b, err = r.read(b); err != nil {
			return err
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// partitionsFor is how many partitions rows are cut into, by the size of the
// bill's file: compressed, a row takes some 50 bytes of it, and a partition
// shall have some 5,000 rows, which a processor's cache holds.
func partitionsFor(bytes int64) int {
	const least, most = 16, 512
	n := least
	for n < most && int64(n)*(1<<18) < bytes {
		n *= 2
	}
	return n
}
