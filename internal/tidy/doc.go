// Package tidy holds no code but tests of the repository as a whole: who may
// import whom, what stands at the top level, and the habits of this code base
// that no linter knows. Each test says what to do about what it finds.
package tidy
