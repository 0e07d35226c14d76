import { z } from 'zod';
import type { ReconcileRow } from '../../../../metering/usage-store.ts';
import { moment } from './fields.ts';

export const reconcileQuery = z.strictObject({
  from: moment.optional().describe('First moment that counts; 30 days before `to` when left out.'),
  to: moment.optional().describe('First moment that counts no more; now when left out.'),
  tolerance_seconds: z.coerce
    .number()
    .min(0)
    .max(3_600)
    .default(1)
    .describe('Lengths that are no further apart agree.'),
});

export const reconcileRowBody = z
  .object({
    provider: z.string().nullable(),
    routed_model: z.string().nullable(),
    requests: z.number().int().describe('Successful ones; the sums below are over them.'),
    audio_seconds: z.number().describe('The length that was billed by.'),
    billed_seconds: z.number().describe('With the minimum of the price.'),
    probed_seconds: z.number().describe('From the packets of the recordings.'),
    decoded_requests: z.number().int().describe('Requests whose sound was decoded here, from its start to its end.'),
    decoded_seconds: z.number().describe('Of those, from their samples.'),
    vendor_requests: z.number().int().describe('Requests for which the vendor told a length.'),
    vendor_seconds: z.number(),
    audio_seconds_of_vendor_requests: z.number().describe('Our length of the same requests.'),
    disagreements: z.number().int().describe('Requests in which two lengths are further apart than the tolerance.'),
  })
  .meta({ id: 'ReconcileRow' });

export function reconcileRowToWire(row: ReconcileRow): z.infer<typeof reconcileRowBody> {
  return {
    provider: row.provider,
    routed_model: row.routedModel,
    requests: row.requests,
    audio_seconds: row.audioMs / 1000,
    billed_seconds: row.billedMs / 1000,
    probed_seconds: row.probedMs / 1000,
    decoded_requests: row.decodedRequests,
    decoded_seconds: row.decodedMs / 1000,
    vendor_requests: row.vendorRequests,
    vendor_seconds: row.vendorMs / 1000,
    audio_seconds_of_vendor_requests: row.audioMsOfVendorRequests / 1000,
    disagreements: row.disagreements,
  };
}
