package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// chunkBytes is how files are cut in the database: small enough not to hold up
// a payment's commit.
const chunkBytes = 256 << 10

// store keeps a file in the archive, piece by piece. One that is there already
// is not written again.
func (s *Service) store(ctx context.Context, m FileMeta, from io.ReaderAt) error {
	m.ChunkSize = chunkBytes
	there, err := s.Store.BeginFile(ctx, m)
	if err != nil || there {
		return err
	}
	buffer := make([]byte, chunkBytes)
	for n, at := int64(0), int64(0); at < m.Size; n, at = n+1, at+chunkBytes {
		piece := buffer[:min(chunkBytes, m.Size-at)]
		if _, err := from.ReadAt(piece, at); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the file to keep: %w", err)
		}
		if err := s.Store.PutChunk(ctx, m.Digest, n, piece); err != nil {
			return err
		}
	}
	return s.Store.CompleteFile(ctx, m.Digest, s.now())
}

// OpenFile opens an archived file by its digest and gives its size in bytes;
// payment.ErrNotFound. The caller closes it; it reads as long as ctx lives.
func (s *Service) OpenFile(ctx context.Context, digest string) (File, int64, error) {
	m, err := s.Store.FileByDigest(ctx, digest)
	if err != nil {
		return nil, 0, fmt.Errorf("open archived file: %w", err)
	}
	f := &archived{ctx: ctx, store: s.Store, meta: m, number: -1} //nolint:containedctx // an io.Reader gets no context of its own
	f.SectionReader = io.NewSectionReader(readerAt(f.readAt), 0, m.Size)
	return f, m.Size, nil
}

// archived reads a file from the database; the last piece is kept.
type archived struct {
	*io.SectionReader
	ctx   context.Context //nolint:containedctx // see OpenFile
	store Archive
	meta  FileMeta

	mu     sync.Mutex
	number int64
	piece  []byte
}

// Close does nothing: there is nothing open.
func (f *archived) Close() error { return nil }

type readerAt func(p []byte, at int64) (int, error)

func (r readerAt) ReadAt(p []byte, at int64) (int, error) { return r(p, at) }

func (f *archived) readAt(p []byte, at int64) (read int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for read < len(p) {
		if at >= f.meta.Size {
			return read, io.EOF
		}
		n := at / f.meta.ChunkSize
		if n != f.number {
			piece, err := f.store.Chunk(f.ctx, f.meta.Digest, n)
			if err != nil {
				return read, fmt.Errorf("read archived file %s: %w", f.meta.Digest, err)
			}
			f.number, f.piece = n, piece
		}
		offset := at - n*f.meta.ChunkSize
		if offset >= int64(len(f.piece)) {
			return read, fmt.Errorf("read archived file %s: %w", f.meta.Digest, io.ErrUnexpectedEOF)
		}
		got := copy(p[read:], f.piece[offset:])
		read += got
		at += int64(got)
	}
	return read, nil
}

// removeBatch is how many old originals are removed at a time.
const removeBatch = 20

// RemoveOldOriginals removes fetched bills that were kept for as long as
// configured; their digests stay with the results.
func (s *Service) RemoveOldOriginals(ctx context.Context) (removed int, err error) {
	if s.cfg.KeepOriginals <= 0 {
		return 0, nil
	}
	for {
		n, err := s.Store.RemoveFiles(ctx, ClassBill, s.now().Add(-s.cfg.KeepOriginals), removeBatch)
		removed += n
		if err != nil || n < removeBatch {
			return removed, err
		}
	}
}
