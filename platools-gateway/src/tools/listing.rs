//! [`ListedTool`]: a tool in a list, with its declaration, its health, and its schemas in the forms that models accept.

use std::ops::Deref;
use std::sync::Arc;

use platools::ToolDefinition;
use platools::tool::{Auth, Content, Dialect, ResultRule, ToolExport};
use platools_protocol::tool_sync::ToolDeclaration;
use serde_json::Value;

use crate::catalog::CatalogTool;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Identity;
use crate::links::tool_health::ReportedHealth;

/// A tool of the catalog.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListedTool {
    /// The entity of the tool.
    pub identity: Arc<Identity>,
    /// True if a worker is connected that declared it in this version.
    pub online: bool,
    /// True if it is enabled.
    pub enabled: bool,
    /// A hash of the declaration. Equal declarations have equal fingerprints.
    pub fingerprint: String,
    /// Time of the last change of the declaration, in milliseconds since 1970.
    pub changed_ms: i64,
    /// The health that its worker reported; none if it reported nothing.
    pub health: Option<ReportedHealth>,
    /// The worker's declaration.
    pub declaration: SharedDeclaration,
}

/// A declaration of the catalog. A clone copies nothing.
#[derive(Debug, Clone)]
pub struct SharedDeclaration(pub(super) Arc<CatalogTool>);

impl Deref for SharedDeclaration {
    type Target = ToolDeclaration;

    fn deref(&self) -> &ToolDeclaration {
        &self.0.declaration
    }
}

impl ListedTool {
    /// The tool in the form that a model's interface takes.
    ///
    /// # Errors
    /// The tool's schema is one that cannot be written in other forms.
    pub async fn export(&self, dialect: Dialect) -> Result<Value, Error> {
        Ok(self.to_export(dialect).await?.into_value())
    }

    /// The tool in the form that a model's interface takes, with the way back from the arguments that a model writes for it.
    ///
    /// # Errors
    /// The tool's schema is one that cannot be written in other forms.
    pub async fn to_export(&self, dialect: Dialect) -> Result<ToolExport, Error> {
        if dialect == Dialect::Platform {
            // This form is the declaration, whatever its schemas are.
            return Ok(definition(&self.declaration).to_export(dialect));
        }
        Ok(self.shown(dialect).await?.to_export(dialect))
    }

    /// The rule that the tool's results are checked by before clients of the Model Context Protocol get them. A tool whose schemas cannot be
    /// used has one that checks nothing.
    pub async fn result_rule(&self) -> Arc<ResultRule> {
        let shown = async || {
            self.shown(Dialect::Mcp).await.unwrap_or_else(|_| {
                let mut definition = definition(&self.declaration);
                let content = definition.output_schema.filter(Content::is_declared_by);
                definition.output_schema = content.map(|_| Content::schema());
                definition
            })
        };
        self.declaration.0.results(shown).await
    }

    /// The definition with its schemas as readers of a dialect take them.
    async fn shown(&self, dialect: Dialect) -> Result<ToolDefinition, Error> {
        let mut definition = definition(&self.declaration);
        let schemas = self.declaration.0.arguments().await?;
        // Some forms write every reference out, which must not be done for just any schema.
        if let Some(reason) = schemas.unused_because() {
            let message = format!("the tool's schema cannot be used: {reason}");
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        definition.input_schema = schemas.input_for(&self.declaration.input_schema, dialect);
        definition.output_schema =
            self.declaration.output_schema.as_ref().map(|schema| schemas.output_for(schema).clone());
        Ok(definition)
    }
}

/// The work that the workers of a project have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerLoad {
    /// Connected workers.
    pub workers: usize,
    /// Calls that they have not answered.
    pub calls_in_flight: usize,
}

/// The name of a tool, with its entity where several have it.
#[derive(Debug, Clone)]
pub struct ToolName {
    /// Its name.
    pub name: String,
    /// The entity, by slug or id, where several have a tool of that name.
    pub entity: Option<String>,
    /// The environment, by slug or id; development if none is named.
    pub environment: Option<String>,
}

/// The switch of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Callers may call the tool.
    On,
    /// Callers may not call the tool.
    Off,
}

impl ListedTool {
    /// Leaves out the error that its worker told of.
    pub(super) fn hide_error(&mut self) {
        self.health.iter_mut().for_each(|health| health.last_error = None);
    }
}

fn definition(declaration: &ToolDeclaration) -> ToolDefinition {
    let mut definition =
        ToolDefinition::new(&declaration.name, &declaration.description, declaration.input_schema.clone());
    definition.output_schema.clone_from(&declaration.output_schema);
    definition.auth = match declaration.auth.as_str() {
        "user" => Auth::User,
        "admin" => Auth::Admin,
        _ => Auth::None,
    };
    definition.roles.clone_from(&declaration.roles);
    definition.annotations.clone_from(&declaration.annotations);
    definition
}
