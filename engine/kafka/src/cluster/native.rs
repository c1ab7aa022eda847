//! Calls of librdkafka that the crate `rdkafka` has no safe form of.
//!
//! Owns all unsafe code of this crate: the controller's id, a topic's id, settings, and reading
//! partitions without a consumer group. Every handle is freed by the guard that holds it.
#![expect(
    unsafe_code,
    reason = "librdkafka is a C library, and rdkafka 0.39 wraps none of these calls"
)]

use std::{
    ffi::{CStr, CString, c_void},
    marker::PhantomData,
    ptr, slice,
    time::Duration,
};

use rdkafka::{bindings as rd, client::Client, error::KafkaError, types::RDKafkaErrorCode};

use super::quiet::Quiet;

pub mod configs;

/// A handle, and the call that frees it.
struct Handle<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: the pointer came from the constructor that belongs to this call, is not null,
            // and nobody else frees it.
            unsafe { (self.1)(self.0) }
        }
    }
}

fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

fn bad_name(topic: &str) -> KafkaError {
    KafkaError::ClientCreation(format!("`{topic}` is no topic's name"))
}

/// The broker that is the controller now, as far as a broker says so in time.
pub fn controller(client: &Client<Quiet>, timeout: Duration) -> Option<i32> {
    // SAFETY: the client is alive as long as it is borrowed.
    let id = unsafe { rd::rd_kafka_controllerid(client.native_ptr(), millis(timeout)) };
    (id >= 0).then_some(id)
}

/// The id of a topic; none where the brokers give topics no ids.
pub fn topic_id(
    client: &Client<Quiet>,
    topic: &str,
    timeout: Duration,
) -> Result<Option<String>, KafkaError> {
    let name = CString::new(topic).map_err(|_| bad_name(topic))?;
    let mut names = [name.as_ptr()];
    let rk = client.native_ptr();
    // SAFETY: every pointer handed over is alive during its call: the client is borrowed, the name
    // outlives the collection's making (which copies it), guards free what was made, in reverse
    // order, and strings are copied before the event that owns them goes.
    unsafe {
        let topics = Handle(
            rd::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), 1),
            rd::rd_kafka_TopicCollection_destroy,
        );
        let options = Handle(
            rd::rd_kafka_AdminOptions_new(
                rk,
                rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
            ),
            rd::rd_kafka_AdminOptions_destroy,
        );
        rd::rd_kafka_AdminOptions_set_request_timeout(
            options.0,
            millis(timeout),
            ptr::null_mut(),
            0,
        );
        let queue = Handle(rd::rd_kafka_queue_new(rk), rd::rd_kafka_queue_destroy);
        rd::rd_kafka_DescribeTopics(rk, topics.0, options.0, queue.0);
        let event = Handle(
            rd::rd_kafka_queue_poll(queue.0, millis(timeout)),
            rd::rd_kafka_event_destroy,
        );
        if event.0.is_null() {
            return Err(KafkaError::MetadataFetch(
                RDKafkaErrorCode::OperationTimedOut,
            ));
        }
        let error = rd::rd_kafka_event_error(event.0);
        if error != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(KafkaError::MetadataFetch(error.into()));
        }
        let result = rd::rd_kafka_event_DescribeTopics_result(event.0);
        if result.is_null() {
            return Ok(None);
        }
        let mut count = 0;
        let found = rd::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        if found.is_null() || count == 0 {
            return Ok(None);
        }
        let error = rd::rd_kafka_TopicDescription_error(*found);
        if !error.is_null() {
            let code = rd::rd_kafka_error_code(error);
            if code != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(KafkaError::MetadataFetch(code.into()));
            }
        }
        let id = rd::rd_kafka_TopicDescription_topic_id(*found);
        let zero = id.is_null()
            || (rd::rd_kafka_Uuid_most_significant_bits(id) == 0
                && rd::rd_kafka_Uuid_least_significant_bits(id) == 0);
        if zero {
            return Ok(None);
        }
        let text = rd::rd_kafka_Uuid_base64str(id);
        Ok((!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned()))
    }
}

/// What a [`Reader`] comes upon.
pub enum Next {
    /// A record.
    Record {
        /// The partition that it is in.
        partition: i32,
        /// Its key.
        key: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
        /// The value of the header that was asked for.
        header: Option<Vec<u8>>,
    },
    /// The end of a partition.
    End(i32),
    /// Nothing within the time.
    Nothing,
}

/// Reads partitions of a topic from their beginning, without a consumer group.
pub struct Reader<'c> {
    partitions: Vec<i32>,
    queue: Handle<rd::rd_kafka_queue_t>,
    topic: Handle<rd::rd_kafka_topic_t>,
    header: CString,
    client: PhantomData<&'c Client<Quiet>>,
}

impl<'c> Reader<'c> {
    /// Begins to read these partitions; `header` is the name of the header to look for.
    pub fn open(
        client: &'c Client<Quiet>,
        topic: &str,
        partitions: &[i32],
        header: &str,
    ) -> Result<Self, KafkaError> {
        let name = CString::new(topic).map_err(|_| bad_name(topic))?;
        let rk = client.native_ptr();
        // SAFETY: the client outlives the reader, by its lifetime; the name is copied.
        let (queue, handle) = unsafe {
            (
                Handle(rd::rd_kafka_queue_new(rk), rd::rd_kafka_queue_destroy),
                Handle(
                    rd::rd_kafka_topic_new(rk, name.as_ptr(), ptr::null_mut()),
                    rd::rd_kafka_topic_destroy,
                ),
            )
        };
        if handle.0.is_null() {
            return Err(bad_name(topic));
        }
        let mut reader = Self {
            partitions: vec![],
            queue,
            topic: handle,
            header: CString::new(header).unwrap_or_default(),
            client: PhantomData,
        };
        for &partition in partitions {
            // SAFETY: topic and queue are alive; the reader stops the partition before it frees them.
            let started = unsafe {
                rd::rd_kafka_consume_start_queue(
                    reader.topic.0,
                    partition,
                    i64::from(rd::RD_KAFKA_OFFSET_BEGINNING),
                    reader.queue.0,
                )
            };
            if started != 0 {
                // SAFETY: reads the error of this thread's last call.
                let error = unsafe { rd::rd_kafka_last_error() };
                return Err(KafkaError::MessageConsumption(error.into()));
            }
            reader.partitions.push(partition);
        }
        Ok(reader)
    }

    /// The next record or end of a partition.
    pub fn next(&self, timeout: Duration) -> Result<Next, KafkaError> {
        // SAFETY: the queue is alive; the message is freed by its guard after everything in it was
        // copied.
        unsafe {
            let message = Handle(
                rd::rd_kafka_consume_queue(self.queue.0, millis(timeout)),
                rd::rd_kafka_message_destroy,
            );
            let Some(seen) = message.0.as_ref() else {
                return Ok(Next::Nothing);
            };
            match seen.err {
                rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(Next::Record {
                    partition: seen.partition,
                    key: bytes(seen.key, seen.key_len),
                    value: bytes(seen.payload, seen.len),
                    header: self.header_of(message.0),
                }),
                rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => {
                    Ok(Next::End(seen.partition))
                }
                error => Err(KafkaError::MessageConsumption(error.into())),
            }
        }
    }

    /// # Safety
    /// `message` must be alive.
    unsafe fn header_of(&self, message: *mut rd::rd_kafka_message_t) -> Option<Vec<u8>> {
        let mut headers = ptr::null_mut();
        let (mut value, mut size) = (ptr::null::<c_void>(), 0);
        // SAFETY: the message is alive, and headers belong to it.
        unsafe {
            if rd::rd_kafka_message_headers(message, &mut headers)
                != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                return None;
            }
            let found =
                rd::rd_kafka_header_get_last(headers, self.header.as_ptr(), &mut value, &mut size);
            (found == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR)
                .then(|| bytes(value, size))
        }
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        for &partition in &self.partitions {
            // SAFETY: each was started on this topic, which is still alive.
            unsafe { rd::rd_kafka_consume_stop(self.topic.0, partition) };
        }
    }
}

/// # Safety
/// `size` bytes must be readable at `start`, unless it is null.
unsafe fn bytes(start: *const c_void, size: usize) -> Vec<u8> {
    if start.is_null() {
        return vec![];
    }
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts(start.cast::<u8>(), size) }.to_vec()
}
