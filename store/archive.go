package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

// Files are kept in the database in pieces, so that every replica serves them
// and one backup holds all; see docs/adr/0009-files-in-the-database.md. A bill
// holds what the channel tells of payers, so the pieces are sealed.

// ChunkPlace is what a sealed piece of a file is bound to.
func ChunkPlace(id string) []byte { return []byte("archive_chunks.sealed:" + id) }

// ArchiveColumns lists the sealed columns of the archive.
func ArchiveColumns() []merchant.SealedColumn {
	return []merchant.SealedColumn{{
		Table: "archive_chunks", Column: "sealed", Key: "id", Bound: []string{"id"},
		AAD: func(bound ...string) []byte { return ChunkPlace(bound[0]) },
	}}
}

// chunkID orders the pieces of a file by their number.
func chunkID(digest string, number int64) string { return fmt.Sprintf("%s/%08d", digest, number) }

type fileRow struct {
	Digest      string        `db:"digest"`
	Class       string        `db:"class"`
	Name        string        `db:"name"`
	ContentType string        `db:"content_type"`
	Size        int64         `db:"size"`
	ChunkSize   int64         `db:"chunk_size"`
	StoredAt    int64         `db:"stored_at"`
	CompletedAt sql.NullInt64 `db:"completed_at"`
}

func getFile(ctx context.Context, q sqlx.ExtContext, digest string) (fileRow, error) {
	var row fileRow
	err := sqlx.GetContext(ctx, q, &row, `SELECT digest, class, name, content_type, size, chunk_size, stored_at, completed_at FROM archive_files WHERE digest = ?`, digest)
	return row, err
}

// BeginFile implements [reconcile.Archive]. A writer that died left pieces that
// are equal to those to come, if they are cut the same way; else they go.
func (db *DB) BeginFile(ctx context.Context, m reconcile.FileMeta) (there bool, err error) {
	err = db.write(ctx, func(tx *Tx) error {
		row, err := getFile(ctx, tx.q, m.Digest)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			there = false
			_, err = tx.q.ExecContext(ctx, db.dialect.insertIgnore+` INTO archive_files (digest, class, name, content_type, size, chunk_size, stored_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
				m.Digest, string(m.Class), people(m.Name, maxFileName), people(m.ContentType, maxContentType), m.Size, m.ChunkSize, millis(m.StoredAt))
			return err
		case err != nil:
			return err
		}
		there = row.CompletedAt.Valid
		if !there && row.ChunkSize != m.ChunkSize {
			if err := tx.dropChunks(ctx, m.Digest); err != nil {
				return err
			}
		}
		size := m.ChunkSize
		if there {
			size = row.ChunkSize
		}
		_, err = tx.q.ExecContext(ctx, `UPDATE archive_files SET stored_at = ?, chunk_size = ? WHERE digest = ?`, millis(m.StoredAt), size, m.Digest)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("announce a file: %w", err)
	}
	return there, nil
}

const (
	maxFileName    = 250
	maxContentType = 120
)

// PutChunk implements [reconcile.Archive].
func (db *DB) PutChunk(ctx context.Context, digest string, number int64, data []byte) error {
	id := chunkID(digest, number)
	sealed, err := db.sealer.Seal(data, ChunkPlace(id))
	if err != nil {
		return fmt.Errorf("seal a piece of a file: %w", err)
	}
	err = db.write(ctx, func(tx *Tx) error {
		_, err := tx.q.ExecContext(ctx, db.dialect.insertIgnore+` INTO archive_chunks (id, sealed) VALUES (?, ?)`, id, sealed)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep a piece of a file: %w", err)
	}
	return nil
}

// CompleteFile implements [reconcile.Archive].
func (db *DB) CompleteFile(ctx context.Context, digest string, at time.Time) error {
	err := db.write(ctx, func(tx *Tx) error {
		_, err := tx.q.ExecContext(ctx, `UPDATE archive_files SET completed_at = ? WHERE digest = ? AND completed_at IS NULL`, millis(at), digest)
		return err
	})
	if err != nil {
		return fmt.Errorf("complete a file: %w", err)
	}
	return nil
}

// FileByDigest implements [reconcile.Archive].
func (db *DB) FileByDigest(ctx context.Context, digest string) (reconcile.FileMeta, error) {
	var row fileRow
	err := db.read(ctx, func(q sqlx.ExtContext) (err error) {
		row, err = getFile(ctx, q, digest)
		return err
	})
	if err == nil && !row.CompletedAt.Valid {
		err = payment.ErrNotFound
	}
	if err != nil {
		return reconcile.FileMeta{}, fmt.Errorf("find a file: %w", orNotFound(err))
	}
	return reconcile.FileMeta{
		Digest: row.Digest, Class: reconcile.FileClass(row.Class), Name: row.Name, ContentType: row.ContentType,
		Size: row.Size, ChunkSize: row.ChunkSize, StoredAt: fromMillis(row.StoredAt),
	}, nil
}

// Chunk implements [reconcile.Archive].
func (db *DB) Chunk(ctx context.Context, digest string, number int64) ([]byte, error) {
	id := chunkID(digest, number)
	var sealed []byte
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		return sqlx.GetContext(ctx, q, &sealed, `SELECT sealed FROM archive_chunks WHERE id = ?`, id)
	})
	if err != nil {
		return nil, fmt.Errorf("read a piece of a file: %w", orNotFound(err))
	}
	data, err := db.sealer.Open(sealed, ChunkPlace(id))
	if err != nil {
		return nil, fmt.Errorf("open a piece of a file: %w", err)
	}
	return data, nil
}

// RemoveFiles implements [reconcile.Archive].
func (db *DB) RemoveFiles(ctx context.Context, class reconcile.FileClass, before time.Time, limit int) (int, error) {
	var digests []string
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		digests = nil
		return sqlx.SelectContext(ctx, q, &digests, `SELECT digest FROM archive_files WHERE class = ? AND stored_at < ? ORDER BY stored_at LIMIT ?`,
			string(class), millis(before), limit)
	})
	if err != nil {
		return 0, fmt.Errorf("find old files: %w", err)
	}
	removed := 0
	for _, digest := range digests {
		// One that was stored anew meanwhile stays.
		err := db.write(ctx, func(tx *Tx) error {
			n, err := affected(tx.q.ExecContext(ctx, `DELETE FROM archive_files WHERE digest = ? AND class = ? AND stored_at < ?`, digest, string(class), millis(before)))
			if err != nil || n == 0 {
				return err
			}
			removed++
			return tx.dropChunks(ctx, digest)
		})
		if err != nil {
			return removed, fmt.Errorf("remove an old file: %w", err)
		}
	}
	return removed, nil
}

func (tx *Tx) dropChunks(ctx context.Context, digest string) error {
	_, err := tx.q.ExecContext(ctx, `DELETE FROM archive_chunks WHERE id >= ? AND id < ?`, digest+"/", digest+"0") // '0' follows '/'
	return err
}
