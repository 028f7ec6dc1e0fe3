// Package wording writes sentences for people in both languages of the product,
// Chinese and English, from one place each.
//
// It knows no sentence: whoever tells people something keeps its own and brings
// the arguments. It reads an English sentence back into its arguments too, so
// that a text which was written in English only can be told in Chinese.
package wording
