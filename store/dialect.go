package store

import "github.com/pressly/goose/v3"

// dialect is what the statements say differently to the two databases.
type dialect struct {
	// forUpdate ends a read of rows that are then changed; forUpdateSkip passes
	// over rows that another transaction holds. SQLite has one writer and needs
	// neither.
	forUpdate, forUpdateSkip string
	// ping reads what costs least.
	ping string
	// purgeNonces removes expired nonces; its arguments are a time and a limit.
	purgeNonces string
	// insertIgnore begins an insert that does nothing where the row exists.
	insertIgnore string
	events       eventDialect

	goose      goose.Dialect
	migrations string
	// binaryCollation takes the place of utf8mb4_bin in MySQL's migrations.
	binaryCollation string
}

func sqliteDialect() dialect {
	return dialect{
		ping:         `SELECT EXISTS (SELECT 1 FROM sqlite_schema)`, // from the file, unlike SELECT 1
		insertIgnore: "INSERT OR IGNORE",
		purgeNonces: `DELETE FROM nonces WHERE (merchant_id, nonce) IN
			(SELECT merchant_id, nonce FROM nonces WHERE expires_at < ? ORDER BY expires_at LIMIT ?)`,
		events:     sqliteEvents(),
		goose:      goose.DialectSQLite3,
		migrations: "sqlite",
	}
}

func mysqlDialect() dialect {
	return dialect{
		forUpdate:     "FOR UPDATE",
		forUpdateSkip: "FOR UPDATE SKIP LOCKED",
		ping:          `SELECT 1`,
		insertIgnore:  "INSERT IGNORE",
		purgeNonces:   `DELETE FROM nonces WHERE expires_at < ? ORDER BY expires_at LIMIT ?`,
		events:        mysqlEvents(),
		goose:         goose.DialectMySQL,
		migrations:    "mysql",
	}
}
