//! Step kinds that know no product: files, folders, properties, packages, Java.
