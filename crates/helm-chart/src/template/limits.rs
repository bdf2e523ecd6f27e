//! Limits of a rendering: they turn endless or hostile templates into errors.

/// Maximum number of nested calls (`include`, `template`, `tpl`), as in Helm.
pub(super) const MAX_CALLS: usize = 1000;
/// Maximum number of nested blocks, calls and parentheses. Each takes stack.
pub(super) const MAX_DEPTH: usize = 6000;
/// The depth that fits on the stack of any thread, the main thread included. Few charts need more.
pub(super) const SHALLOW_DEPTH: usize = 100;
/// Stack size for [`MAX_DEPTH`] in bytes. Only the pages that are touched take memory.
pub(super) const STACK_BYTES: usize = 256 << 20;
/// Maximum number of lists and dicts that functions create from other values. Each can be one level deeper than the
/// last, and every walk through a value takes stack for each level.
pub(super) const MAX_NESTING_CALLS: usize = 50_000;
/// [`MAX_NESTING_CALLS`] for the stack of any thread.
pub(super) const SHALLOW_NESTING_CALLS: usize = 1000;
/// Maximum number of iterations of all loops of a rendering together.
pub(super) const MAX_ITERATIONS: u64 = 10_000_000;
/// Maximum length of a string, in bytes.
pub(super) const MAX_OUTPUT: usize = 64 << 20;
