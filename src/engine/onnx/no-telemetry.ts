/**
 * Keeps onnxruntime from reporting to its maker. Since 1.29 its Linux and macOS builds do so by default: they put an id
 * and a database below the home folder, a log into the temporary folder, and send what models are loaded and how long
 * they run. The variable is read once, when the library is first used, so this is imported before it.
 * Source: onnxruntime pull requests 27379 and 29843; `ORT_DISABLE_TELEMETRY` keeps all of it from being made.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';
