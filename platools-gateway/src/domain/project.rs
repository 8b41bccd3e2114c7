//! [`Project`]: a project, and its [`ProjectName`]. Projects are isolated from each other.

use std::fmt;
use std::str::FromStr;

use super::error::{Error, ErrorKind};
use super::ids::{OrganizationId, ProjectId};
use super::slug::check_slug;

/// A project. Nothing in it sees another project.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// The organization it belongs to.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: ProjectName,
}

/// The name of a project, written `organization/project`. The default is the one that every gateway has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ProjectName {
    /// The organization's slug.
    pub organization: String,
    /// The project's own slug.
    pub project: String,
}

impl Default for ProjectName {
    fn default() -> Self {
        Self { organization: "default".to_owned(), project: "default".to_owned() }
    }
}

impl FromStr for ProjectName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (organization, project) = text.split_once('/').ok_or_else(|| {
            let message = format!("{text:?} does not name a project: it is ORGANIZATION/PROJECT, such as acme/shop");
            Error::new(ErrorKind::InvalidRequest, message)
        })?;
        check_slug(organization)?;
        check_slug(project)?;
        Ok(Self { organization: organization.to_owned(), project: project.to_owned() })
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.organization, self.project)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_two_slugs() {
        let name: ProjectName = "acme/shop".parse().unwrap();
        assert_eq!((&*name.organization, &*name.project, name.to_string()), ("acme", "shop", "acme/shop".to_owned()));
        for wrong in ["", "acme", "acme/", "/shop", "acme/shop/more", "acme /shop", "acme/../shop"] {
            assert_eq!(wrong.parse::<ProjectName>().unwrap_err().kind(), ErrorKind::InvalidRequest, "{wrong}");
        }
        assert_eq!(ProjectName::default().to_string().parse::<ProjectName>().unwrap(), ProjectName::default());
    }
}
