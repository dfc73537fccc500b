// Package templates is the language of a bundle's templates folder: text/template
// with sprig, include, tpl, required and the like. Errors are located in the
// source, with the lines around and the nearest names. It is pure and stands
// alone; render evaluates bundles with it.
package templates
