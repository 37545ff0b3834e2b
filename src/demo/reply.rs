//! What goes back: Halo's reply forms, and above all its many error forms.

use serde_json::{Map, Value, json};

/// A row or a reply object: members by name.
pub type Row = Map<String, Value>;

/// How the bytes of a reply leave the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    /// Not at all: the connection ends without a byte of reply.
    Reset,
    /// Half of the body, and then the connection ends.
    CutOff,
    /// Never: the connection stays open and silent.
    Silence,
    /// A few bytes at a time.
    Drip,
}

/// One reply, before it becomes HTTP.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) delivery: Delivery,
}

/// The result of answering: both arms are replies; the second one ends the work early.
pub(super) type Answer = Result<Reply, Reply>;

const JSON: &str = "application/json; charset=utf-8";

impl Reply {
    fn new(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status, content_type, headers: Vec::new(), body, delivery: Delivery::Whole }
    }

    /// Nothing but a status: Halo's 401, 403, 404 and 500.
    pub(super) fn empty(status: u16) -> Self {
        Self::new(status, "", Vec::new())
    }

    /// JSON with the charset that Halo sends.
    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self::new(status, JSON, value.to_string().into_bytes())
    }

    /// JSON that is already text.
    pub(super) fn raw_json(status: u16, text: String) -> Self {
        Self::new(status, JSON, text.into_bytes())
    }

    pub(super) fn text(status: u16, text: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text.as_bytes().to_vec())
    }

    /// A page for people.
    pub(super) fn html(status: u16, text: &str) -> Self {
        Self::new(status, "text/html; charset=utf-8", text.as_bytes().to_vec())
    }

    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }
}

/// The page that an unauthenticated UI path gives, with 200.
pub(super) fn login_page() -> Reply {
    Reply::html(
        200,
        "<!DOCTYPE html><html><head><title>Log in</title></head><body><div id=\"root\"></div></body></html>",
    )
}

/// The page of the gateway in front of Halo.
pub(super) fn gateway_page(status: u16) -> Reply {
    let reason = match status {
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Time-out",
        _ => "Error",
    };
    Reply::html(
        status,
        &format!("<html><head><title>{status} {reason}</title></head><body><h1>{status} {reason}</h1></body></html>"),
    )
}

/// The form in which a refusal's text is wrapped (HaloAPI's parser knows all of them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorForm {
    /// `"text"`.
    #[default]
    JsonString,
    /// A serialised .NET exception with the text in `Message`.
    Exception,
    /// `{"Message":"text"}`.
    Message,
    /// `{"error":"text"}`.
    Error,
    /// `{"resultCode":1,"errorMessage":"text"}`.
    ResultCode,
}

impl ErrorForm {
    pub(super) const ALL: [Self; 5] = [Self::JsonString, Self::Exception, Self::Message, Self::Error, Self::ResultCode];

    /// A 400 with this text.
    pub(super) fn refuse(self, text: &str) -> Reply {
        let body = match self {
            Self::JsonString => json!(text),
            Self::Exception => json!({
                "ClassName": "System.Exception", "Message": text, "Data": null, "InnerException": null, "HelpURL": null,
                "StackTraceString": null, "RemoteStackTraceString": null, "RemoteStackIndex": 0, "ExceptionMethod": null,
                "HResult": -2_146_233_088_i64, "Source": null, "WatsonBuckets": null
            }),
            Self::Message => json!({ "Message": text }),
            Self::Error => json!({ "error": text }),
            Self::ResultCode => json!({ "resultCode": 1, "errorMessage": text }),
        };
        Reply::json(400, &body)
    }
}

/// What the database says, in the serialised .NET exception in which Halo passes it on.
pub(super) fn database_error(code: u32, text: &str) -> Reply {
    ErrorForm::Exception.refuse(&format!("A database error occurred ({code}) - {text}"))
}

/// The model state form of a 400: member path to texts.
pub(super) fn model_state(path: &str, text: &str) -> Reply {
    Reply::json(400, &json!({ path: [text] }))
}

/// The 400 for a query or path value of the wrong type.
pub(super) fn invalid_value(name: &str, value: &str) -> Reply {
    model_state(name, &format!("The value '{value}' is not valid."))
}

/// A row as Halo sends it: null members are left out.
pub(super) fn wire(row: &Row) -> Value {
    Value::Object(row.iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect())
}

/// The members of a JSON object.
pub(super) fn members(value: Value) -> Row {
    match value {
        Value::Object(members) => members,
        _ => Row::new(),
    }
}
