// Package worker runs the bounded background loops: each claims due rows by
// lease, handles a limited number at a time and is woken early when there is
// work. Any number of replicas may run the same loops; what a process that died
// had claimed is carried on by another when its lease has run out.
package worker
