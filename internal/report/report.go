// Package report is the only package that formats what people and machines
// read: plans, progress, diagnoses, results, lists. It decides nothing and
// connects to nothing; cmd hands it what the stages returned.
package report
