package store

// eventDialect is what the statements for events and notifications say
// differently to the two databases.
type eventDialect struct {
	// nowMillis is the database's clock in Unix milliseconds.
	nowMillis    string
	dueEndpoints string
	// repeatedNotification ends the insert of a notification that may be a copy.
	repeatedNotification string
}

func sqliteEvents() eventDialect {
	return eventDialect{
		nowMillis:    "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
		dueEndpoints: dueEndpointsSQLite,
		repeatedNotification: `ON CONFLICT (account_id, digest) DO UPDATE SET copies = copies + 1, verdict = excluded.verdict,
			detail = excluded.detail, attempt_id = excluded.attempt_id, payment_id = excluded.payment_id, last_at = excluded.last_at`,
	}
}

func mysqlEvents() eventDialect {
	return eventDialect{
		nowMillis:    "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
		dueEndpoints: dueEndpointsMySQL,
		repeatedNotification: `ON DUPLICATE KEY UPDATE copies = copies + 1, verdict = VALUES(verdict),
			detail = VALUES(detail), attempt_id = VALUES(attempt_id), payment_id = VALUES(payment_id), last_at = VALUES(last_at)`,
	}
}
