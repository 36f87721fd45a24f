// The TypeScript client 2.x, in both eras.
// usage: client-new.mjs PORTUS WORKTREE WAY..., where WAY is `argument`, `elicitation` or `input-required`
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { walk } from './walk.mjs'

const [portus, worktree, ...ways] = process.argv.slice(2)
for (const way of ways) {
  const asked = []
  const capabilities = way === 'argument' ? {} : { elicitation: {} }
  const mode = way === 'elicitation' ? 'legacy' : { pin: '2026-07-28' }
  const client = new Client({ name: 'walker', version: '1.0.0' }, { capabilities, versionNegotiation: { mode } })
  if (way !== 'argument') {
    client.setRequestHandler('elicitation/create', async (request) => {
      asked.push(request.params.message)
      return { action: 'accept', content: { confirm: true } }
    })
  }
  await client.connect(new StdioClientTransport({ command: portus, args: ['mcp'], cwd: worktree, env: process.env }))
  await walk(client, worktree, way, asked)
  await client.close()
}
