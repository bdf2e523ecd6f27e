//! The operations on a mesh, a file each, and the checks and steps that they share. Typed options in, typed results and
//! errors out.
//!
//! Nothing here prints or names a flag: the command line turns errors and events into words.

mod image_explain;
mod images;
mod render;

#[cfg(feature = "cluster")]
mod check;
#[cfg(feature = "cluster")]
mod error;
#[cfg(feature = "cluster")]
mod event;
#[cfg(feature = "cluster")]
mod history;
#[cfg(feature = "cluster")]
mod image_check;
#[cfg(feature = "cluster")]
mod image_copy;
#[cfg(feature = "cluster")]
mod image_selection;
#[cfg(feature = "cluster")]
mod install;
#[cfg(feature = "cluster")]
mod mesh_config;
#[cfg(feature = "cluster")]
mod meshes;
#[cfg(feature = "cluster")]
mod mirror_names;
#[cfg(feature = "cluster")]
mod mirror_request;
#[cfg(feature = "cluster")]
mod names;
#[cfg(feature = "cluster")]
mod namespaces;
#[cfg(feature = "cluster")]
mod other_digest;
#[cfg(feature = "cluster")]
mod preflight;
#[cfg(feature = "cluster")]
mod running_images;
#[cfg(feature = "cluster")]
mod session;
#[cfg(feature = "cluster")]
mod uninstall;
#[cfg(feature = "cluster")]
mod upgrade;
#[cfg(feature = "cluster")]
mod verify;

pub use image_explain::{Effect, ImageOrigin, NoImage, Step};
pub use images::{FloatingImage, ImageList, floating_images};
pub use render::render_offline;

#[cfg(feature = "cluster")]
pub use {
    check::Check,
    error::{Error, MeshConflict, MeshId, Operation, Unfinished},
    event::Event,
    history::{mesh_history, mesh_name},
    image_check::{
        ImageCheck, ImageProblem, ImageToCheck, TagState, check_archive, check_images,
        images_to_check,
    },
    image_copy::{Copied, CopyChoice, Origin, PlannedCopy, Targets, host_of},
    image_selection::{ImageSelection, OtherImage, SelectedImage, SelectionError},
    install::{InstallOptions, dry_run, install},
    mesh_config::{KeptMeshConfig, kept_mesh_config},
    meshes::{Mesh, meshes, no_such_mesh},
    mirror_names::MirrorNameError,
    names::{NamesOf, names},
    namespaces::{Membership, MeshNamespace, namespaces, plan_membership},
    other_digest::{OtherDigest, Verdict},
    render::{release, render_for_cluster},
    session::{RECORD_LABELS, block_on, client},
    uninstall::{Removal, uninstall},
    upgrade::{ImageChange, image_changes, render_upgrade, upgrade},
    verify::verify,
};
