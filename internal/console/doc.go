// Package console is the pages of the staff: finance reads the days, explains
// differences and fetches the files, operations looks into single payments,
// administrators keep the users.
//
// Its borders: pages are made on the server and need no script; what they show
// comes through the ports in ports.go, what they change goes through them too.
//
// Invariants:
//   - A GET changes nothing but when a session was last seen. A POST carries its
//     session's token, is of the same origin, and answers with a redirect.
//   - Who may do what is one table (routes.go); a route without a row in it
//     cannot be reached. A user of a merchant sees that merchant only: all else
//     is not found.
//   - Passwords are kept as Argon2id hashes, session tokens as SHA-256; both,
//     and the codes' secrets, are in no log, error, address or audit entry.
//   - A login answers the same, after the same work, for a wrong password, an
//     unknown and a disabled user.
//   - Every text from outside is escaped; nothing is loaded from elsewhere.
package console
