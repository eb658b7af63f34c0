// Package bench is the frame of `make bench`: rows of numbers, ours beside another's, the
// aims that some of them have to reach, and how both are printed and written.
//
// Each bench prints one line a row
//
//	name | ours | theirs | ratio
//
// and writes the rows to NAME.json in the folder bench of the build folder, an array of
// {"name", "ours", "theirs", "unit", "ratio"}. The ratio is ours/theirs wherever there is one, so that less than
// one means that ours takes, or loses, less; it is null where theirs is null (there is nobody to compare with, or
// what they need cannot be had here) or 0.
//
// Only counts and virtual times have aims: a bench fails when one is missed, and never because of a time that
// is the machine's as much as the program's.
package bench
