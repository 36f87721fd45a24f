// What both TypeScript clients do: walk through the five tools, and print one JSON object.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const SERVER = fileURLToPath(new URL('server.py', import.meta.url))

export async function walk(client, worktree, way, asked) {
  const call = async (name, args) => {
    const result = await client.callTool({ name, arguments: args })
    const text = result.content.map((block) => block.text).join('')
    return { text, structured: result.structuredContent ?? null, error: Boolean(result.isError) }
  }
  const said = { way }
  said.tools = (await client.listTools()).tools.map((tool) => tool.name)
  said.requested = await call('request_port', { service: 'web' })
  const port = said.requested.structured.leases[0].port
  said.pending = await call('check_port', { service: 'web' })
  const server = spawn('python3', [SERVER, String(port)], { cwd: worktree, stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(server, 'exit')
  await Promise.race([once(server.stdout, 'data'), ended.then(() => { throw new Error('the server did not start') })])
  said.pid = server.pid
  said.up = await call('check_port', { service: 'web' })
  said.listed = await call('list_ports', { listeners: true })
  said.error = await call('request_port', { prefered: 1 })
  if (way === 'argument') {
    said.refused = await call('free_port', { service: 'web' })
    said.freed = await call('free_port', { service: 'web', confirm: true })
  } else {
    said.freed = await call('free_port', { service: 'web' })
  }
  const [code, signal] = await ended
  said.ended = code ?? signal
  said.asked = asked
  said.again = await call('request_port', { service: 'web' })
  said.released = await call('release_port', { service: 'web' })
  console.log(JSON.stringify(said))
}
