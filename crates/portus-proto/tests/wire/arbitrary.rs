//! Values of any message type out of random numbers: a serde deserializer that makes up what it is asked for. So a new
//! message or field is part of the tests without a word here.

use serde::de::value::{Error, StrDeserializer, U32Deserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

/// The most elements of a list.
const LIST_LEN_MAX: u64 = 3;

/// The latest time that RFC 3339 with four digits of the year can tell, in milliseconds since 1970.
const TIME_MS_MAX: u64 = 253_402_207_200_000;

/// A source of numbers that look random, the same for the same seed (SplitMix64).
pub(crate) struct Source {
    state: u64,
    /// The last number of two bytes, which in our messages is a port.
    port: u16,
}

impl Source {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed, port: 1 }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// A value of any type that plain numbers and words can make up.
    pub(crate) fn value<T: DeserializeOwned>(&mut self) -> T {
        T::deserialize(Maker { source: self, least: 1 }).unwrap()
    }

    /// A text that may stand wherever a text does, also as a service's name.
    fn text(&mut self) -> String {
        const NAMES: [&str; 5] = ["web", "api", "a.b-c_d", "Z9", "x2"];
        NAMES[usize::try_from(self.below(5)).unwrap()].to_owned()
    }
}

struct Maker<'a> {
    source: &'a mut Source,
    /// The least port.
    least: u16,
}

macro_rules! numbers {
    ($($method:ident $visit:ident $bound:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let number = self.source.below($bound);
            visitor.$visit(number.try_into().map_err(Error::custom)?)
        }
    )*};
}

macro_rules! never {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(Error::custom(concat!("no message asks for ", stringify!($method))))
        }
    )*};
}

impl<'de> Deserializer<'de> for Maker<'_> {
    type Error = Error;

    numbers! {
        deserialize_u8 visit_u8 1 << 8;
        deserialize_u32 visit_u32 1 << 32;
        deserialize_u64 visit_u64 TIME_MS_MAX;
    }

    never! {
        deserialize_any deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_f32 deserialize_f64
        deserialize_char deserialize_bytes deserialize_byte_buf deserialize_ignored_any
    }

    /// Times are numbers here, as in bincode.
    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.source.below(2) == 1)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let room = u64::from(u16::MAX - self.least) + 1;
        self.source.port = self.least + u16::try_from(self.source.below(room)).map_err(Error::custom)?;
        visitor.visit_u16(self.source.port)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.source.text())
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.source.text())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.source.below(3) == 0 { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let left = self.source.below(LIST_LEN_MAX + 1);
        visitor.visit_seq(Elements { left, least: 1, source: self.source, ascending: false })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let left = self.source.below(LIST_LEN_MAX + 1);
        visitor.visit_map(Elements { left, least: 1, source: self.source, ascending: false })
    }

    /// A pair of ports is a range, and a range runs forward.
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Elements { left: len as u64, least: 1, source: self.source, ascending: true })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_seq(Elements { left: fields.len() as u64, least: 1, source: self.source, ascending: false })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let nth = self.source.below(variants.len() as u64);
        let nth = u32::try_from(nth).map_err(Error::custom)?;
        visitor.visit_enum(Variant { nth, source: self.source })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        StrDeserializer::<Error>::new("").deserialize_any(visitor)
    }
}

struct Elements<'a> {
    left: u64,
    least: u16,
    ascending: bool,
    source: &'a mut Source,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let element = seed.deserialize(Maker { source: self.source, least: self.least })?;
        if self.ascending {
            self.least = self.source.port;
        }
        Ok(Some(element))
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

impl<'de> MapAccess<'de> for Elements<'_> {
    type Error = Error;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(Maker { source: self.source, least: self.least })
    }
}

struct Variant<'a> {
    nth: u32,
    source: &'a mut Source,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Error;
    type Variant = Maker<'a>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Maker<'a>), Error> {
        let nth: U32Deserializer<Error> = self.nth.into_deserializer();
        Ok((seed.deserialize(nth)?, Maker { source: self.source, least: 1 }))
    }
}

impl<'de> VariantAccess<'de> for Maker<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.deserialize_struct("", fields, visitor)
    }
}
