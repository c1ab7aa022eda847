//! Settings of topics and brokers through librdkafka's own calls: the crate's form of describing has no
//! synonyms, and of altering it has only the one that resets what it does not list.

use std::{
    ffi::{CStr, CString, c_char},
    ptr,
    time::Duration,
};

use rdkafka::{bindings as rd, client::Client, types::RDKafkaErrorCode};

use super::{Handle, millis};
use crate::cluster::quiet::Quiet;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Set on the topic.
    Topic,
    /// Set on this broker while it ran.
    Broker,
    /// Set for all brokers while they ran.
    Brokers,
    /// Stands in the broker's file.
    File,
    /// Kafka's own default, or that of the brokers for a topic.
    Default,
    /// Set somewhere: brokers before 1.1 do not say where.
    Unsaid,
}

/// A setting as a broker shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub name: String,
    /// What holds; none where it has no value, or a broker keeps it to itself.
    pub value: Option<String>,
    /// Where that comes from.
    pub source: Source,
    /// Whether it can't be changed while the broker runs.
    pub read_only: bool,
    /// Whether it is a secret.
    pub sensitive: bool,
    /// What was set under the same key, and where, the strongest first.
    pub layers: Vec<(Source, Option<String>)>,
}

/// Why a broker does not do it.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The code.
    pub code: RDKafkaErrorCode,
    /// The broker's own words.
    pub text: Option<String>,
}

/// A topic or a broker, by librdkafka's names.
#[derive(Clone, Copy, Debug)]
pub enum Resource<'a> {
    /// A topic.
    Topic(&'a str),
    /// A broker.
    Broker(i32),
}

/// How to alter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Only the keys that are named; brokers from 2.3 on know how.
    Incremental,
    /// All keys: those that are not named lose their value.
    Replace,
}

type Resources = Handle<rd::rd_kafka_ConfigResource_t>;

fn refusal(code: RDKafkaErrorCode, text: impl Into<String>) -> Refusal {
    let text = Some(text.into());
    Refusal { code, text }
}

fn c_string(text: &str) -> Result<CString, Refusal> {
    CString::new(text).map_err(|_| refusal(RDKafkaErrorCode::InvalidArgument, "a zero byte in it"))
}

fn resource(of: Resource<'_>) -> Result<Resources, Refusal> {
    let (kind, name) = match of {
        Resource::Topic(name) => (
            rd::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC,
            c_string(name)?,
        ),
        Resource::Broker(id) => (
            rd::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_BROKER,
            c_string(&id.to_string())?,
        ),
    };
    // SAFETY: the name is copied.
    let made = unsafe { rd::rd_kafka_ConfigResource_new(kind, name.as_ptr()) };
    if made.is_null() {
        return Err(refusal(
            RDKafkaErrorCode::InvalidArgument,
            "no such resource",
        ));
    }
    Ok(Handle(made, rd::rd_kafka_ConfigResource_destroy))
}

type Call = unsafe extern "C" fn(
    *mut rd::rd_kafka_t,
    *mut *mut rd::rd_kafka_ConfigResource_t,
    usize,
    *const rd::rd_kafka_AdminOptions_t,
    *mut rd::rd_kafka_queue_t,
);

/// Asks and waits for the answer; blocks this thread.
fn ask(
    client: &Client<Quiet>,
    call: Call,
    operation: rd::rd_kafka_admin_op_t,
    resource: &Resources,
    validate_only: bool,
    timeout: Duration,
) -> Result<Handle<rd::rd_kafka_event_t>, Refusal> {
    let rk = client.native_ptr();
    let mut resources = [resource.0];
    // SAFETY: the client is borrowed; the call copies the resource; options and queue are freed by
    // their guards after the answer came or the time was over; the error's text is copied before the
    // event that owns it goes.
    unsafe {
        let options = Handle(
            rd::rd_kafka_AdminOptions_new(rk, operation),
            rd::rd_kafka_AdminOptions_destroy,
        );
        let (none, time) = (ptr::null_mut::<c_char>(), millis(timeout));
        rd::rd_kafka_AdminOptions_set_request_timeout(options.0, time, none, 0);
        if validate_only {
            rd::rd_kafka_AdminOptions_set_validate_only(options.0, 1, none, 0);
        }
        let queue = Handle(rd::rd_kafka_queue_new(rk), rd::rd_kafka_queue_destroy);
        call(rk, resources.as_mut_ptr(), 1, options.0, queue.0);
        let event = Handle(
            // The request's own time-out is to be the one that is told.
            rd::rd_kafka_queue_poll(queue.0, time.saturating_add(1000)),
            rd::rd_kafka_event_destroy,
        );
        if event.0.is_null() {
            return Err(refusal(
                RDKafkaErrorCode::OperationTimedOut,
                "no broker answered in time",
            ));
        }
        let code = rd::rd_kafka_event_error(event.0);
        if code != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            let text = text(rd::rd_kafka_event_error_string(event.0));
            let code = code.into();
            return Err(Refusal { code, text });
        }
        Ok(event)
    }
}

/// # Safety
/// `start` must be null or a C string that is alive.
unsafe fn text(start: *const c_char) -> Option<String> {
    if start.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(start) };
    Some(text.to_string_lossy().into_owned())
}

/// What a broker says of the one resource that was asked for.
///
/// # Safety
/// `found` must be null or point to `count` resources that are alive.
unsafe fn answer(
    found: *mut *const rd::rd_kafka_ConfigResource_t,
    count: usize,
) -> Result<*const rd::rd_kafka_ConfigResource_t, Refusal> {
    if found.is_null() || count == 0 {
        return Err(refusal(RDKafkaErrorCode::Unknown, "the answer is empty"));
    }
    // SAFETY: the caller's promise.
    unsafe {
        let seen = *found;
        match rd::rd_kafka_ConfigResource_error(seen) {
            rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(seen),
            code => Err(Refusal {
                code: code.into(),
                text: text(rd::rd_kafka_ConfigResource_error_string(seen)),
            }),
        }
    }
}

/// All settings.
pub fn describe(
    client: &Client<Quiet>,
    of: Resource<'_>,
    timeout: Duration,
) -> Result<Vec<Entry>, Refusal> {
    let event = ask(
        client,
        rd::rd_kafka_DescribeConfigs,
        rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
        &resource(of)?,
        false,
        timeout,
    )?;
    let mut count = 0;
    // SAFETY: everything found belongs to the event, which lives until the end, and is copied.
    unsafe {
        let result = rd::rd_kafka_event_DescribeConfigs_result(event.0);
        let found = match result.is_null() {
            true => ptr::null_mut(),
            false => rd::rd_kafka_DescribeConfigs_result_resources(result, &mut count),
        };
        let seen = answer(found, count)?;
        let mut count = 0;
        let entries = rd::rd_kafka_ConfigResource_configs(seen, &mut count);
        Ok(items(entries, count)
            .iter()
            .map(|one| entry(*one))
            .collect())
    }
}

/// # Safety
/// `start` must be null or point to `count` entries.
unsafe fn items<'a>(
    start: *mut *const rd::rd_kafka_ConfigEntry_t,
    count: usize,
) -> &'a [*const rd::rd_kafka_ConfigEntry_t] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(start, count) }
}

/// # Safety
/// The entry must be alive.
unsafe fn entry(seen: *const rd::rd_kafka_ConfigEntry_t) -> Entry {
    // SAFETY: the caller's promise; synonyms belong to the entry.
    unsafe {
        let name = text(rd::rd_kafka_ConfigEntry_name(seen)).unwrap_or_default();
        let mut count = 0;
        let synonyms = rd::rd_kafka_ConfigEntry_synonyms(seen, &mut count);
        let layers = items(synonyms, count)
            .iter()
            .filter(|one| text(rd::rd_kafka_ConfigEntry_name(**one)).as_ref() == Some(&name))
            .map(|one| (source(*one), text(rd::rd_kafka_ConfigEntry_value(*one))))
            .collect();
        Entry {
            value: text(rd::rd_kafka_ConfigEntry_value(seen)),
            source: source(seen),
            read_only: rd::rd_kafka_ConfigEntry_is_read_only(seen) == 1,
            sensitive: rd::rd_kafka_ConfigEntry_is_sensitive(seen) == 1,
            name,
            layers,
        }
    }
}

/// # Safety
/// The entry must be alive.
unsafe fn source(seen: *const rd::rd_kafka_ConfigEntry_t) -> Source {
    use rd::rd_kafka_ConfigSource_t as From;
    // SAFETY: the caller's promise.
    match unsafe { rd::rd_kafka_ConfigEntry_source(seen) } {
        From::RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG => Source::Topic,
        From::RD_KAFKA_CONFIG_SOURCE_DYNAMIC_BROKER_CONFIG => Source::Broker,
        From::RD_KAFKA_CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER_CONFIG => Source::Brokers,
        From::RD_KAFKA_CONFIG_SOURCE_STATIC_BROKER_CONFIG => Source::File,
        From::RD_KAFKA_CONFIG_SOURCE_UNKNOWN_CONFIG => Source::Unsaid,
        _ => Source::Default,
    }
}

/// Alters settings; a key without a value loses it. With `validate_only` a broker says only whether it
/// would.
pub fn alter<'k>(
    client: &Client<Quiet>,
    of: Resource<'_>,
    changes: impl Iterator<Item = (&'k str, Option<&'k str>)>,
    manner: Manner,
    validate_only: bool,
    timeout: Duration,
) -> Result<(), Refusal> {
    let resource = resource(of)?;
    for (key, value) in changes {
        add(&resource, manner, key, value)?;
    }
    let (call, operation): (Call, _) = match manner {
        Manner::Incremental => (
            rd::rd_kafka_IncrementalAlterConfigs,
            rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS,
        ),
        Manner::Replace => (
            rd::rd_kafka_AlterConfigs,
            rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ALTERCONFIGS,
        ),
    };
    let event = ask(client, call, operation, &resource, validate_only, timeout)?;
    let mut count = 0;
    // SAFETY: everything found belongs to the event, which lives until the end.
    unsafe {
        let found = match manner {
            Manner::Incremental => {
                let result = rd::rd_kafka_event_IncrementalAlterConfigs_result(event.0);
                match result.is_null() {
                    true => ptr::null_mut(),
                    false => {
                        rd::rd_kafka_IncrementalAlterConfigs_result_resources(result, &mut count)
                    }
                }
            }
            Manner::Replace => {
                let result = rd::rd_kafka_event_AlterConfigs_result(event.0);
                match result.is_null() {
                    true => ptr::null_mut(),
                    false => rd::rd_kafka_AlterConfigs_result_resources(result, &mut count),
                }
            }
        };
        answer(found, count).map(drop)
    }
}

/// Names one key in a resource.
fn add(
    resource: &Resources,
    manner: Manner,
    key: &str,
    value: Option<&str>,
) -> Result<(), Refusal> {
    let name = c_string(key)?;
    let value = value.map(c_string).transpose()?;
    let start = value.as_ref().map_or(ptr::null(), |value| value.as_ptr());
    // SAFETY: the resource is alive, and name and value are copied; an error is freed by its guard.
    unsafe {
        match manner {
            Manner::Incremental => {
                let operation = match value {
                    Some(_) => rd::rd_kafka_AlterConfigOpType_t::RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET,
                    None => rd::rd_kafka_AlterConfigOpType_t::RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE,
                };
                let error = Handle(
                    rd::rd_kafka_ConfigResource_add_incremental_config(
                        resource.0,
                        name.as_ptr(),
                        operation,
                        start,
                    ),
                    rd::rd_kafka_error_destroy,
                );
                match error.0.is_null() {
                    true => Ok(()),
                    false => Err(Refusal {
                        code: rd::rd_kafka_error_code(error.0).into(),
                        text: text(rd::rd_kafka_error_string(error.0)),
                    }),
                }
            }
            Manner::Replace if value.is_none() => Ok(()),
            Manner::Replace => {
                let code = rd::rd_kafka_ConfigResource_set_config(resource.0, name.as_ptr(), start);
                match code {
                    rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
                    code => Err(refusal(code.into(), key)),
                }
            }
        }
    }
}
