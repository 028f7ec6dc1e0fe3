// Package payerpage draws the pages that a payer sees: amount, subject, buttons to pay or to cancel, and what came of it.
//
// Pages are in Chinese with English selectable, fit a phone, load nothing from anywhere, run no script, and escape all
// that they show. Borders: knows nothing of channels but their names; the simulators decide what a page says.
package payerpage
