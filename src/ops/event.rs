//! The events of an operation, which a program can show as its progress.

use helm_release::client::ObjectRef;
use helm_release::rollout::Cleanup;

/// Called with everything that happens.
pub type Progress<'p> = &'p dyn Fn(Event<'_>);

/// Something that happens during an operation.
#[derive(Debug)]
pub enum Event<'e> {
    /// Something in the rollout of the release.
    Rollout(helm_release::rollout::Event<'e>),
    /// An earlier installation was removed with its history kept; the history is continued.
    ContinuesHistory {
        /// The release.
        release: &'e str,
    },
    /// An earlier installation was not finished and is resumed.
    Resumes {
        /// The release.
        release: &'e str,
        /// The status of its last revision.
        status: &'e str,
    },
    /// The installation failed and is rolled back.
    RollsBack(&'e helm_release::Error),
    /// The rollback did not run the post-delete hook, or it failed: the `MeshConfig` of the control plane may be left.
    MeshConfigMayRemain(Option<&'e Cleanup>),
    /// The namespace does not exist, so the cluster cannot judge what goes into it.
    NamespaceNotValidated {
        /// The namespace.
        namespace: &'e str,
    },
    /// Only the history was kept, so the hooks do not run again.
    HooksRanBefore,
    /// Another mesh is in the same namespace: hooks do not run, and what both meshes need stays.
    SharedNamespace {
        /// The other mesh.
        other: &'e str,
        /// The namespace.
        namespace: &'e str,
    },
    /// An object is removed.
    Removing(&'e ObjectRef),
}
