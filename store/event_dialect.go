package store

// eventDialect is what the statements for events and notifications say
// differently to the two databases.
type eventDialect struct {
	dueEndpoints string
	// repeatedNotification ends the insert of a notification that may be a copy.
	repeatedNotification string
}

func sqliteEvents() eventDialect {
	return eventDialect{
		dueEndpoints: dueEndpointsSQLite,
		repeatedNotification: `ON CONFLICT (account_id, digest) DO UPDATE SET copies = copies + 1, verdict = excluded.verdict,
			detail = excluded.detail, attempt_id = excluded.attempt_id, payment_id = excluded.payment_id, last_at = excluded.last_at`,
	}
}

func mysqlEvents() eventDialect {
	return eventDialect{
		dueEndpoints: dueEndpointsMySQL,
		repeatedNotification: `ON DUPLICATE KEY UPDATE copies = copies + 1, verdict = VALUES(verdict),
			detail = VALUES(detail), attempt_id = VALUES(attempt_id), payment_id = VALUES(payment_id), last_at = VALUES(last_at)`,
	}
}

// clockTerm is the clock that leases are measured by, as a part of a statement:
// the database's own, which for SQLite is the process's; see [DB.clockMillis].
type clockTerm struct {
	sql  string
	args []any
}

func (db *DB) clock() clockTerm {
	if db.cfg.Driver == SQLite {
		return clockTerm{sql: "?", args: []any{db.now().UnixMilli()}}
	}
	return clockTerm{sql: "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)"}
}
