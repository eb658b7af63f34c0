// Package bench is the frame of `make bench`: rows of numbers, ours beside another's, the
// aims that some of them have to reach, and how both are printed and written.
//
// Each bench prints one line a row
//
//	name | ours | theirs | ratio
//
// and writes the rows to NAME.json in the folder bench of the build folder, an array of
// {"name", "ours", "theirs", "unit", "ratio"}. The ratio is ours/theirs wherever there is one: of what is taken or
// lost less than one is better, of what is done in a time (unit 1/s) more than one. It is null where theirs is null
// (there is nobody to compare with, or what they need cannot be had here) or not above 0.
//
// A row of several runs in turns has the medians, the median of the pairs' ratios, and its spread: least..most of ours,
// of theirs and of the ratios, as a fifth column and as "spread" in the file.
//
// A bench fails when an aim is missed. Counts, virtual times, and ratios of what was measured in turns have aims; a
// time or a rate of its own, which is the machine's as much as the program's, has none, unless the aim leaves the machine
// ample room.
package bench
