//! Amazon ECR, which usually does not create a repository when something is sent to it.

use crate::place::Repository;

/// Returns the command that creates a repository; `None` if its registry is not Amazon ECR.
pub(super) fn create_command(repository: &Repository) -> Option<String> {
    let host = repository.host().to_string();
    let host = host.strip_suffix(".cn").unwrap_or(&host);
    let labels: Vec<&str> = host.split('.').collect();
    let [_, "dkr", "ecr" | "ecr-fips", region, "amazonaws", "com"] = labels[..] else {
        return None;
    };
    Some(format!(
        "aws ecr create-repository --repository-name {} --region {region}",
        repository.path()
    ))
}

#[cfg(test)]
mod tests {
    use image_pins::Reference;

    use super::*;

    #[test]
    fn the_command_names_repository_and_region() {
        let table = [
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sea/harbor",
                Some("sea/harbor --region eu-west-1"),
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/harbor",
                Some("harbor --region cn-north-1"),
            ),
            (
                "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/a",
                Some("a --region us-gov-west-1"),
            ),
            ("public.ecr.aws/sea/harbor", None),
            ("dkr.ecr.eu-west-1.amazonaws.com.example.com/a", None),
            ("registry.example.com/a", None),
        ];
        for (reference, expected) in table {
            let reference: Reference = reference.parse().unwrap();
            let command = create_command(&Repository::from(&reference));
            let expected =
                expected.map(|rest| format!("aws ecr create-repository --repository-name {rest}"));
            assert_eq!(command, expected, "{reference}");
        }
    }
}
