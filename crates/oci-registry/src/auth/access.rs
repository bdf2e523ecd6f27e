//! What a request wants to do with a repository.

use std::collections::BTreeSet;

use crate::place::{Host, Repository};

/// What a request wants to do. Tokens are for one of these (Docker registry token specification, "scope").
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Access {
    /// The repository, without the host.
    path: String,
    is_push: bool,
    /// A second repository, from which a blob is mounted.
    from: Option<String>,
}

impl Access {
    /// Reads from a repository.
    pub fn pull(path: &str) -> Access {
        Access {
            path: path.to_owned(),
            is_push: false,
            from: None,
        }
    }

    /// Reads from a repository and writes to it.
    pub fn push(path: &str) -> Access {
        Access {
            is_push: true,
            ..Access::pull(path)
        }
    }

    /// Also reads from a second repository of the same registry.
    pub fn mounting(self, from: &str) -> Access {
        Access {
            from: Some(from.to_owned()),
            ..self
        }
    }

    /// Returns the repository.
    pub fn repository(&self, host: &Host) -> Repository {
        Repository::new(host.clone(), &self.path)
    }

    /// Returns the scopes of a token for this.
    pub fn scopes(&self) -> BTreeSet<String> {
        let actions = if self.is_push { "pull,push" } else { "pull" };
        let own = format!("repository:{}:{actions}", self.path);
        let from = self
            .from
            .iter()
            .map(|from| format!("repository:{from}:pull"));
        from.chain([own]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scopes_name_the_repositories_and_actions() {
        let scopes = |access: Access| Vec::from_iter(access.scopes());
        assert_eq!(scopes(Access::pull("a/b")), ["repository:a/b:pull"]);
        assert_eq!(
            scopes(Access::push("b").mounting("a")),
            ["repository:a:pull", "repository:b:pull,push"]
        );
    }
}
