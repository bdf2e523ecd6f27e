//! Sends several requests at the same time.

use futures_util::future::join_all;

use super::error::ClientError;

/// How many requests are in flight at the same time at most.
const AT_ONCE: usize = 16;

/// Awaits requests, some at the same time.
///
/// # Errors
/// The first error, once every request that was sent has its answer: none is in flight any more.
pub(crate) async fn at_once<T>(
    requests: impl Iterator<Item = impl Future<Output = Result<T, ClientError>>>,
) -> Result<Vec<T>, ClientError> {
    let mut requests = requests.peekable();
    let mut answers = Vec::new();
    while requests.peek().is_some() {
        for answer in join_all(requests.by_ref().take(AT_ONCE)).await {
            answers.push(answer?);
        }
    }
    Ok(answers)
}
