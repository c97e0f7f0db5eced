package host

// Verbs are the functions that a guest has.
var Verbs = verbs
